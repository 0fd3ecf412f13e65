"""Runs one case through the real Hydra and OmegaConf and gives its canonical result."""

import json
import os
import signal
import tempfile
import warnings
from pathlib import Path

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import OmegaConf, open_dict
from omegaconf._utils import get_yaml_loader

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


def refused_by_contract(text):
    """Files that Hydra takes and this project refuses on purpose."""
    try:
        node = yaml.compose(text, Loader=get_yaml_loader())
    except (yaml.YAMLError, ValueError):
        return None  # Hydra says why
    if node is not None and not isinstance(node, yaml.MappingNode) and node.value not in ("", "null", "~"):
        return "a root that is no mapping"
    for event in yaml.parse(text):
        if getattr(event, "tag", None) not in (None, "!"):
            return "a tag"
    return "a key given twice" if node is not None and has_twins(node, set()) else None


def key_value(key):
    """`yes` and `true` are one key."""
    if key.tag.endswith((":str", ":value")):  # no loader constructs a `=`; it is a key of its own all the same
        return key.value
    return repr(yaml.load(key.value, Loader=get_yaml_loader()))


def has_twins(node, seen):
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return False
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return any(has_twins(item, seen) for item in node.value)
    keys = [f"{key.tag} {key_value(key)}" for key, _ in node.value if not key.tag.endswith(":merge")]
    return len(set(keys)) < len(keys) or any(has_twins(value, seen) for _, value in node.value)


def endless(*_):
    raise TimeoutError("does not end")


signal.signal(signal.SIGALRM, endless)


def run(case):
    """The canonical configs of the jobs, or "refused"."""
    os.environ["CQ_GOLDEN_VAR"] = "from the environment"
    os.environ.pop("CQ_GOLDEN_UNSET", None)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in case["files"].items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        signal.alarm(20)  # range(0,inf,1) never ends
        try:
            result = jobs(case, folder)
        except (Exception, RecursionError) as error:
            case["reason"] = f"{type(error).__name__}: {error}".split("\n")[0][:160]
            return "refused"
        finally:
            signal.alarm(0)
            GlobalHydra.instance().clear()
    # Of the files that Hydra read; the others may hold anything.
    primary = case["files"].get(case.get("primary", "config") + ".yaml", "")
    reason = refused_by_contract(primary)
    if reason is not None:
        case["reason"] = "contract: " + reason
        return "refused"
    return result
