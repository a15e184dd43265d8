"""What must not get into the repository: paths and package addresses of one machine, names for nothing, huge files."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

PACKAGE_ADDRESS = re.compile(
    r"pypi\.org|pythonhosted\.org|download\.pytorch\.org|anaconda\.(org|com)|--(extra-)?index[-]url|--find[-]links"
    r"|https?://\S+\.(whl|tar\.gz)\b"
)
MACHINE_PATH = re.compile(r"(?<![\w.~})-])/(work|tmp|root|home|Users|mnt)/\w")
NAMED_FOR_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "types"}
MAX_LINES = 400
MAX_BYTES = 8 * 2**20
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[\w.]+)")


@pytest.fixture(scope="module")
def files(repo_root: Path) -> dict[str, Path]:
    """Everything git keeps or would add: path in the repository -> file."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout: {error}")
    paths = {name: repo_root / name for name in listed.split("\0") if name}
    return {name: path for name, path in paths.items() if path.is_file()}


@pytest.fixture(scope="module")
def lines(files: dict[str, Path]) -> list[tuple[str, str]]:
    """Every line of every text file, each with `path:number`."""
    found = []
    for name, path in files.items():
        content = path.read_bytes()
        if b"\0" not in content:
            text = content.decode(errors="replace")
            found += [(f"{name}:{number}", line) for number, line in enumerate(text.splitlines(), start=1)]
    return found


@pytest.mark.parametrize("pattern", [PACKAGE_ADDRESS, MACHINE_PATH], ids=["package address", "machine path"])
def test_nothing_of_one_machine(pattern: re.Pattern[str], lines: list[tuple[str, str]]) -> None:
    assert not [(place, line.strip()[:200]) for place, line in lines if pattern.search(line)]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (PACKAGE_ADDRESS, "see https://pypi" + ".org/simple"),
        (PACKAGE_ADDRESS, "pip install --extra-index" + "-url x"),
        (PACKAGE_ADDRESS, "https://example.com/a-1.0.tar" + ".gz"),
        (MACHINE_PATH, "open('/ho" + "me/someone/x')"),
        (MACHINE_PATH, "file:///tm" + "p/x"),
    ],
)
def test_the_patterns_find(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


def test_modules_are_named_for_a_noun(files: dict[str, Path]) -> None:
    assert not [name for name in files if name.endswith(".py") and Path(name).stem in NAMED_FOR_NOTHING]


def test_files_hold_one_idea(files: dict[str, Path]) -> None:
    length = {name: len(path.read_text().splitlines()) for name, path in files.items() if name.endswith(".py")}
    assert not {name: count for name, count in length.items() if count > MAX_LINES}


def test_files_are_small(files: dict[str, Path]) -> None:
    size = {name: path.stat().st_size for name, path in files.items()}
    assert not {name: count for name, count in size.items() if count > MAX_BYTES}


@pytest.mark.parametrize("hardware", ["cpu", "gpu"])
def test_lists_hold_pins_alone_and_those_of_pyproject(hardware: str, repo_root: Path) -> None:
    rows = (repo_root / "requirements" / f"{hardware}.txt").read_text().splitlines()
    pins = {match["name"]: match["version"] for row in rows if (match := PIN.fullmatch(row))}
    assert len(pins) == len(rows), "each line is name==version, each name once"

    project = tomllib.loads((repo_root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras[hardware], *extras["engine"], *extras["dev"]]
    names = {re.match(r"[\w-]+", line)[0] for line in asked} - {"simpleseg"}
    assert not names - pins.keys(), "in pyproject.toml and not in the list: run `make lock`"
    exact = {match["name"]: match["version"] for line in asked if (match := PIN.fullmatch(line))}
    assert exact.items() <= pins.items(), "another version than pyproject.toml's: run `make lock`"
