#!/usr/bin/env python3
"""Trajectories of diffusers' schedulers for a noise predictor that is known exactly.

The data are a mixture of two Gaussians in the plane, so the noise that is expected at x is a
formula. Needs numpy, torch and diffusers (made with 0.35.2). Usage: make_samplers.py OUT.npz
"""
import sys

import diffusers
import numpy as np
import torch
from diffusers.schedulers import scheduling_ddpm

BETAS = dict(beta_schedule="scaled_linear", beta_start=0.0015, beta_end=0.0195)
WEIGHTS, MEANS, DEVIATION = (0.3, 0.7), ((1.0, -0.5), (-1.0, 0.25)), 0.2
START = torch.tensor([[0.3, -1.2], [1.5, 0.4], [-0.7, 0.9], [0.05, 2.1]], dtype=torch.float64)
T = 1000


def alpha_bars():
    return np.cumprod(1 - np.linspace(0.0015**0.5, 0.0195**0.5, T) ** 2)


ALPHA_BARS = alpha_bars()


def expected_noise(x, alpha_bar):
    """-sqrt(1 - a) times the gradient of the logarithm of the density of x."""
    variance = alpha_bar * DEVIATION**2 + 1 - alpha_bar
    away = [x - alpha_bar**0.5 * torch.tensor(mean, dtype=x.dtype) for mean in MEANS]
    logits = [np.log(w) - (d * d).sum(1) / (2 * variance) for w, d in zip(WEIGHTS, away)]
    shares = torch.softmax(torch.stack(logits), 0)
    pull = sum(s[:, None] * d for s, d in zip(shares, away))
    return (1 - alpha_bar) ** 0.5 * pull / variance


def philox(key, counter):
    """Philox 4x32 with ten rounds (Salmon et al. 2011)."""
    key, c = list(key), list(counter)
    for _ in range(10):
        low, high = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(high >> 32) ^ c[1] ^ key[0], high & 0xFFFFFFFF,
             (low >> 32) ^ c[3] ^ key[1], low & 0xFFFFFFFF]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def noise(images, stream):
    """Two normal numbers an image: Box-Muller of its first two uniform ones."""
    rows = []
    for image in range(images):
        u = [(word + 0.5) / 2**32 for word in philox((image, 0), (0, 0, stream, 0))]
        radius, angle = np.sqrt(-2 * np.log(u[0])), 2 * np.pi * u[1]
        rows.append([np.float32(radius * np.cos(angle)), np.float32(radius * np.sin(angle))])
    return torch.tensor(np.array(rows, dtype=np.float64))


def run(scheduler, steps, timesteps=None, variance=None, velocity=False):
    """[calls + 1, image, 2]: what the network is called with, and the sample."""
    scheduler.alphas_cumprod = torch.tensor(ALPHA_BARS)
    if timesteps is None:
        scheduler.set_timesteps(steps)
    else:
        scheduler.set_timesteps(timesteps=timesteps)
    drawn = []
    scheduling_ddpm.randn_tensor = lambda shape, **_: (
        drawn.append(0), noise(shape[0], len(drawn)))[1]
    x, states = START, [START]
    for t in scheduler.timesteps:
        a = ALPHA_BARS[int(t)]
        out = expected_noise(x, a)
        if velocity:
            clean = (x - (1 - a) ** 0.5 * out) / a**0.5
            out = a**0.5 * out - (1 - a) ** 0.5 * clean
        if variance is not None:
            out = torch.cat([out, torch.full_like(out, variance)], 1)
        x = scheduler.step(out, t, x).prev_sample.double()
        states.append(x)
    calls = np.array([int(t) for t in scheduler.timesteps])
    return calls, np.stack([np.asarray(s) for s in states])


def respaced(steps):
    """space_timesteps of improved diffusion."""
    chosen, at = [], 0.0
    for _ in range(steps):
        chosen.append(round(at))
        at += (T - 1) / (steps - 1)
    return chosen[::-1]


def ddim_of_the_paper(timesteps, eta):
    """Equation 12, for the spacings that diffusers has not; ends at the clean sample."""
    x, states = START, [START]
    for call, (t, end) in enumerate(zip(timesteps, timesteps[1:] + [-1])):
        a, b = ALPHA_BARS[t], ALPHA_BARS[end] if end >= 0 else 1.0
        eps = expected_noise(x, a)
        sigma = eta * np.sqrt((1 - b) / (1 - a) * (1 - a / b))
        clean = (x - np.sqrt(1 - a) * eps) / np.sqrt(a)
        x = np.sqrt(b) * clean + np.sqrt(1 - b - sigma**2) * eps
        if sigma > 0:
            x = x + sigma * noise(len(x), call + 1)
        states.append(x)
    return np.array(timesteps), np.stack([np.asarray(s) for s in states])


def cases():
    ddim, ddpm = diffusers.DDIMScheduler, diffusers.DDPMScheduler
    common = dict(BETAS, num_train_timesteps=T)
    plain = dict(common, clip_sample=False)
    yield "ddim_ldm", run(ddim(**plain, steps_offset=1, set_alpha_to_one=False), 10)
    yield "ddim_uniform", run(ddim(**plain), 10)
    yield "ddim_trailing", run(ddim(**plain, timestep_spacing="trailing"), 10)
    yield "ddim_velocity", run(ddim(**plain, prediction_type="v_prediction"), 10, velocity=True)
    quad = [int(s) for s in np.linspace(0, np.sqrt(T * 0.8), 10) ** 2][::-1]
    yield "ddim_quad", ddim_of_the_paper(quad, 0)
    yield "ddim_quad_noisy", ddim_of_the_paper(quad, 0.6)
    pndm = diffusers.PNDMScheduler(**common, skip_prk_steps=True, steps_offset=1)
    yield "plms", run(pndm, 10)
    for kind in ("small", "large"):
        yield f"ddpm_{kind}", run(ddpm(**plain, variance_type=f"fixed_{kind}"), 7, respaced(7))
    yield "ddpm_clip", run(ddpm(**common, clip_sample=True), 7, respaced(7))
    for name, value in (("low", -0.5), ("high", 0.8)):
        yield f"ancestral_{name}", run(ddpm(**plain, variance_type="learned_range"), 7,
                                       respaced(7), value)
    for steps in (10, 20):
        for final in ("zero", "sigma_min"):
            for spacing, offset in (("linspace", 0), ("leading", 1), ("trailing", 0)):
                made = diffusers.DPMSolverMultistepScheduler(
                    **common, final_sigmas_type=final, timestep_spacing=spacing,
                    steps_offset=offset)
                yield f"dpmpp_2m_{steps}_{final}_{spacing}", run(made, steps)
    for order in (1, 2, 3):
        for variant in ("bh1", "bh2"):
            made = diffusers.UniPCMultistepScheduler(
                **common, solver_order=order, solver_type=variant, final_sigmas_type="sigma_min")
            yield f"unipc_{order}_{variant}", run(made, 10)
    yield "unipc_zero", run(diffusers.UniPCMultistepScheduler(**common, solver_order=3), 10)


def main():
    arrays = {}
    for name, (calls, states) in cases():
        arrays[name + ".t"], arrays[name + ".x"] = calls.astype(np.int64), states
        print(name, calls, states[-1][0])
    np.savez_compressed(sys.argv[1], **arrays)


main()
