"""Every YAML under conf/ composes, every key it sets is read by somebody, and the commands in its comments are right.

A misspelt key in YAML is silent, so each composed configuration is compared with what verl ships: its bare
`ppo_trainer` or `sft_trainer_engine`, and the fields of the dataclasses that these name with `_target_`. A top-level
key of our own in a primary over verl has to be a config group, carry a comment, or be read by an interpolation.
"""

import dataclasses
import importlib.util
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, get_object
from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
FILES = sorted(CONF.rglob("*.yaml"))
PRIMARIES = [file.stem for file in FILES if file.parent == CONF]
# Written for the one primary that the command in their comment names.
RECIPES = ("experiment", "retrain")
OPTIONS = [
    file.relative_to(CONF).with_suffix("").as_posix()
    for file in FILES
    if file.parent != CONF and file.parent.name not in RECIPES
]
# Nodes handed on whole: to ray.init, and to our own dataset class.
OPEN = {"ray_kwargs.ray_init", "data.stream"}
COMMAND = re.compile(r"^#.*? -m ([\w.]+)((?: (?:-\S+|[\w@.+~/]+=\S+))*)", flags=re.MULTILINE)


def composed(primary: str, *overrides: str, conf: Path = CONF) -> dict:
    """A composed configuration, every interpolation resolved."""
    with initialize_config_dir(version_base="1.3", config_dir=str(conf)):
        config = compose(primary, overrides=list(overrides))
    return OmegaConf.to_container(config, resolve=True, throw_on_missing=False)


def defaults(primary: str) -> list:
    return yaml.safe_load((CONF / f"{primary}.yaml").read_text()).get("defaults", [])


def groups(primary: str) -> list[str]:
    """Groups in a primary's defaults list, as an override names them: `dataset`, `task@rl_task`."""
    return [key.rpartition(" ")[2] for entry in defaults(primary) if isinstance(entry, dict) for key in entry]


@cache
def bare(primary: str) -> dict:
    """verl's configuration under a primary; empty where the primary does not build on verl."""
    spec = importlib.util.find_spec("verl")
    if spec is None:
        pytest.skip("verl is not installed")
    verl = Path(spec.origin).parent / "trainer" / "config"
    bases = [entry for entry in defaults(primary) if isinstance(entry, str) and (verl / f"{entry}.yaml").is_file()]
    return composed(bases[0], conf=verl) if bases else {}


@cache
def own_keys(primary: str) -> set[str]:
    """Top-level keys that are ours: the groups, and what the primary itself declares."""
    text = (CONF / f"{primary}.yaml").read_text()
    declared = set(yaml.safe_load(text))
    if bare(primary):
        commented = {
            key for pair in re.findall(r"^(?:#.*\n(\w+):|(\w+):.*#)", text, flags=re.MULTILINE) for key in pair
        }
        declared &= commented | set(re.findall(r"\$\{(\w+)[.}]", "".join(file.read_text() for file in FILES)))
    # and what a recipe's interpolations read of its own
    for recipe in (CONF / "experiment").glob("*.yaml"):
        text = recipe.read_text()
        declared |= yaml.safe_load(text).keys() & set(re.findall(r"\$\{(\w+)[.}]", text)) - bare(primary).keys()
    packages = (key.rpartition("@")[2] for key in groups(primary))
    return declared | {re.split(r"[./]", package)[0] for package in packages}


def field_names(*nodes: Mapping) -> set[str]:
    """Fields of the dataclasses that these nodes instantiate."""
    classes = [get_class(node["_target_"]) for node in nodes if "_target_" in node]
    return {field.name for each in classes if dataclasses.is_dataclass(each) for field in dataclasses.fields(each)}


def unknown(ours: Mapping, theirs: Mapping, path: str = "") -> Iterator[str]:
    """Paths of the keys in `ours` that `theirs` lacks. An empty or null node of theirs takes any key."""
    for key, value in ours.items():
        here = f"{path}{key}"
        if here in OPEN:
            continue
        if key not in theirs:
            if key not in field_names(ours, theirs):
                yield here
        elif isinstance(value, Mapping) and isinstance(theirs[key], Mapping) and theirs[key]:
            yield from unknown(value, theirs[key], f"{here}.")


def targets(node: object) -> Iterator[str]:
    """Every `_target_` at or below a node that names something of this repository."""
    for key, value in node.items() if isinstance(node, Mapping) else enumerate(node if isinstance(node, list) else []):
        if key == "_target_" and (ROOT / value.partition(".")[0]).is_dir():
            yield value
        yield from targets(value)


def check(primary: str, *overrides: str) -> None:
    config = composed(primary, *overrides)
    theirs, ours = bare(primary), own_keys(primary)
    nobodys = list(unknown({key: value for key, value in config.items() if key in theirs or key not in ours}, theirs))
    assert not nobodys, f"{primary} {' '.join(overrides)}: keys that nothing reads"
    for target in targets(config):
        get_object(target)


@pytest.mark.parametrize("primary", PRIMARIES)
def test_primary(primary: str) -> None:
    check(primary)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(CONF).as_posix())
def test_package_header_is_the_first_line(file: Path) -> None:
    """Hydra looks for `@package` no further than the first other line, be it a comment, and then nests the file."""
    assert "@package" not in file.read_text().partition("\n")[2]


def overrides(option: str) -> list[tuple[str, str]]:
    """(primary, override) for each place a primary offers to an option; a nested group's is added to its parent's."""
    group, _, name = option.rpartition("/")
    parent = group.rpartition("/")[0]
    found = []
    for primary in PRIMARIES:
        for key in groups(primary):
            offered, _, package = key.partition("@")
            if offered == group:
                found.append((primary, f"{key}={name}"))
            elif offered == parent:
                found.append((primary, f"+{group}@{package or parent}.{name}={name}"))
    return found


@pytest.mark.parametrize("option", OPTIONS)
def test_option(option: str) -> None:
    places = overrides(option)
    assert places, "no primary has its group in its defaults list"
    for primary, override in places:
        check(primary, override)


def commands(file: Path) -> list[tuple[str, list[str]]]:
    """(module, overrides) of each `python -m` or `torchrun ... -m` command in a file's comments."""
    found = COMMAND.findall(file.read_text())
    return [(module, [word for word in words.split() if not word.startswith("-")]) for module, words in found]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(CONF).as_posix())
def test_commands_in_comments(file: Path) -> None:
    if file.parent.name in RECIPES:
        chosen = f"{file.parent.name}={file.stem}"
        assert any(chosen in words for _, words in commands(file)), (
            f"its comment starts with the command, and that has {chosen}"
        )
    for module, words in commands(file):
        source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
        for primary in re.findall(r'@command\("(\w+)"\)', source):
            for job in jobs(words):
                check(primary, *job)


def jobs(words: list[str]) -> Iterator[tuple[str, ...]]:
    """The overrides of each job of a sweep, `key=a,b`; of a single command its own."""
    pairs = [word.split("=", 1) for word in words]
    choices = ([value] if "[" in value else value.split(",") for _, value in pairs)
    for chosen in product(*choices):
        yield tuple(f"{key}={value}" for (key, _), value in zip(pairs, chosen, strict=True))
