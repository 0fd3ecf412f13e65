"""The networks of `cq-exp bench model` as a user of OpenVINO has them: diffusers' modules with
random weights, converted, quantized by NNCF, compiled for the CPU.

Called by compare_openvino.py, each command in a process of its own:
  convert MODEL BATCH FOLDER     float32 network, with its operations and parameters
  quantize MODEL BATCH FOLDER    the same in INT8
  time MODEL BATCH FOLDER THREADS  compiles every variant, then times one for each line of input"""
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

CALIBRATION_SAMPLES = 1

# Network of the cache, and the precision of what is not INT8 (None: the plugin's own choice).
VARIANTS = {
    "fp32": ("fp32", "f32"),
    "default": ("fp32", None),
    "int8": ("int8", "f32"),
    "int8, rest default": ("int8", None),
}


def ldm4_imagenet():
    from diffusers import UNet2DConditionModel
    # diffusers takes the number of heads from attention_head_dim.
    return UNet2DConditionModel(
        sample_size=64, in_channels=3, out_channels=3, block_out_channels=(192, 384, 576, 960),
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3 + ("UpBlock2D",),
        cross_attention_dim=512, attention_head_dim=1)


def sd14():
    from diffusers import UNet2DConditionModel
    return UNet2DConditionModel(sample_size=64, cross_attention_dim=768)


def dit_xl_2():
    from diffusers import DiTTransformer2DModel
    network = DiTTransformer2DModel(
        sample_size=32, patch_size=2, in_channels=4, out_channels=8, num_layers=28,
        num_attention_heads=16, attention_head_dim=72, norm_elementwise_affine=False)
    # diffusers repeats the embeddings of time and class in every block; DiT has one.
    for block in network.transformer_blocks:
        block.norm1.emb = network.transformer_blocks[0].norm1.emb
    return network


def unet_inputs(channels, context):
    def draw(rng, batch):
        return (rng.standard_normal((batch, channels, 64, 64), dtype=np.float32),
                np.full(batch, rng.integers(1000), np.int64),
                rng.standard_normal((batch, *context), dtype=np.float32))
    return draw


def dit_inputs(rng, batch):
    return (rng.standard_normal((batch, 4, 32, 32), dtype=np.float32),
            np.full(batch, rng.integers(1000), np.int64), rng.integers(0, 1000, batch))


NETWORKS = {
    "ldm4-imagenet": (ldm4_imagenet, unet_inputs(3, (1, 512))),
    "sd14": (sd14, unet_inputs(4, (77, 768))),
    "dit-xl-2": (dit_xl_2, dit_inputs),
}


def costs(make, draw):
    """Parameters and multiply-adds of one call with one image: convolutions, linear layers, and the
    products of attention apart. Nothing is computed."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    with torch.device("meta"):
        network = make().eval()
    inputs = [torch.from_numpy(x).to("meta") for x in draw(np.random.default_rng(0), 1)]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    macs = {str(op): count // 2 for op, count in counter.get_flop_counts()["Global"].items()}
    attention = macs.pop("aten.bmm")
    assert set(macs) <= {"aten.addmm", "aten.mm", "aten.convolution"}, macs
    return {"parameters": sum(p.numel() for p in network.parameters()),
            "macs": sum(macs.values()), "attention_macs": attention}


def convert(model, batch, folder):
    import openvino
    import torch
    make, draw = NETWORKS[model]
    (folder / "network.json").write_text(json.dumps(costs(make, draw)))
    torch.manual_seed(0)
    network = make().eval()

    class Positional(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x, t, condition):
            return self.network(x, t, condition, return_dict=False)[0]

    rng = np.random.default_rng(0)
    one = tuple(map(torch.from_numpy, draw(rng, 1)))  # Traced with one image, as that is quicker.
    with torch.no_grad():
        converted = openvino.convert_model(Positional(), example_input=one,
                                           input=[x.shape for x in draw(rng, batch)])
    assert converted.outputs[0].shape[0] == batch, converted.outputs
    openvino.save_model(converted, folder / "fp32.xml", compress_to_fp16=False)


def quantize(model, batch, folder):
    """Weights are random, so quality is not: no bias correction, few samples. Neither changes what
    the quantized network computes with."""
    import nncf
    import openvino
    _, draw = NETWORKS[model]
    rng = np.random.default_rng(1)
    samples = [draw(rng, batch) for _ in range(CALIBRATION_SAMPLES)]
    quantized = nncf.quantize(
        openvino.Core().read_model(folder / "fp32.xml"), nncf.Dataset(samples),
        preset=nncf.QuantizationPreset.MIXED, subset_size=len(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        advanced_parameters=nncf.AdvancedQuantizationParameters(disable_bias_correction=True))
    openvino.save_model(quantized, folder / "int8.xml", compress_to_fp16=False)


def products(compiled):
    """What the products of a compiled network run as: how many of each kind in each precision."""
    kinds = ("Convolution", "FullyConnected", "MatMul", "ScaledDotProductAttention")
    found = Counter()
    for op in compiled.get_runtime_model().get_ops():
        info = op.get_rt_info()
        kind = info["layerType"].astype(str) if "layerType" in info else ""
        if kind in kinds:
            found[f"{kind} {info['runtimePrecision'].astype(str)}"] += 1
    return dict(sorted(found.items()))


class Variant:
    def __init__(self, core, folder, name, threads):
        network, precision = VARIANTS[name]
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if precision:
            config["INFERENCE_PRECISION_HINT"] = precision
        self.compiled = core.compile_model(folder / f"{network}.xml", "CPU", config)
        self.request = self.compiled.create_infer_request()

    def about(self):
        get = self.compiled.get_property
        return {"precision": get("INFERENCE_PRECISION_HINT").get_type_name(),
                "threads": get("INFERENCE_NUM_THREADS"), "products": products(self.compiled)}

    def seconds(self):
        start = time.perf_counter()
        self.request.infer()
        return time.perf_counter() - start


def answer(value):
    print(json.dumps(value), flush=True)


def serve(model, batch, folder, threads):
    import openvino
    core = openvino.Core()
    inputs = NETWORKS[model][1](np.random.default_rng(2), batch)
    variants = {}
    for name in VARIANTS:
        variants[name] = Variant(core, folder, name, threads)
        for i, value in enumerate(inputs):
            variants[name].request.get_input_tensor(i).data[:] = value
        variants[name].seconds()
    answer({name: variant.about() for name, variant in variants.items()})
    for line in sys.stdin:
        name, rounds = json.loads(line)
        answer(statistics.median(variants[name].seconds() for _ in range(rounds)))


def main():
    command, model, batch, folder, *threads = sys.argv[1:]
    commands = {"convert": convert, "quantize": quantize, "time": serve}
    commands[command](model, int(batch), Path(folder), *map(int, threads))


if __name__ == "__main__":
    main()
