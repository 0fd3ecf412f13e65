"""Runs one case through the real Hydra and OmegaConf and gives its canonical result."""

import json
import os
import tempfile
import warnings
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import OmegaConf, open_dict

warnings.simplefilter("ignore")


def canonical(value):
    """One line for a value, in which 1, 1.0 and '1' differ and the order of keys shows."""
    if isinstance(value, dict):
        parts = []
        for key, item in value.items():
            name = canonical(key)
            parts.append(f"{name}: {canonical(item)}")
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(canonical(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, float):
        return "f" + repr(value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ValueError("beyond 64 bits")
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    raise ValueError(f"a {type(value).__name__} in a config")


def finished(config, resolve):
    with open_dict(config):
        if "hydra" in config:
            del config["hydra"]
    return canonical(OmegaConf.to_container(config, resolve=resolve))


def jobs(case, folder):
    overrides = case.get("overrides", [])
    primary = case.get("primary", "config")
    resolve = case.get("resolve", False)
    extra = [f"file://{folder}/{d}" for d in case.get("dirs", [])]
    with initialize_config_dir(config_dir=str(folder), version_base=None):
        loader = GlobalHydra.instance().hydra.config_loader
        for path in extra:
            loader.config_search_path.config_search_path.insert(
                -1, type(loader.config_search_path.config_search_path[0])("command-line", path)
            )
        if extra:
            loader.repository.initialize_sources(loader.config_search_path)
        if not case.get("multirun"):
            return [finished(compose(primary, overrides, return_hydra_config=True), resolve)]
        master = loader.load_configuration(primary, overrides, run_mode=RunMode.MULTIRUN)
        params = master.hydra.sweeper.params or {}
        arguments = [f"{k}={v}" for k, v in params.items()] + overrides
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(arguments)
        (batch,) = BasicSweeper.split_arguments(parsed, None)
        return [finished(loader.load_sweep_config(master, list(job)), resolve) for job in batch]


def run(case):
    """The canonical configs of the jobs, or "refused"."""
    os.environ["CQ_GOLDEN_VAR"] = "from the environment"
    os.environ.pop("CQ_GOLDEN_UNSET", None)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in case["files"].items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        try:
            return jobs(case, folder)
        except (Exception, RecursionError) as error:
            case["reason"] = f"{type(error).__name__}: {error}".split("\n")[0][:160]
            return "refused"
        finally:
            GlobalHydra.instance().clear()
