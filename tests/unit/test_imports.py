"""The import rules of the design, read from the source: which package may import which, and who may import the engine.

The pure packages are also imported for real in a process that has no engine.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# package -> the packages of this repository it may import. Nothing imports rl, sft or experiments.
ARROWS = {
    "polygon": set(),
    "conf": {"polygon"},
    "data": {"polygon", "conf"},
    "rewards": {"polygon"},
    "vlm": {"polygon", "data"},
    "hardware": {"polygon", "vlm"},
    "rollout": {"polygon", "conf", "data", "vlm", "hardware"},
    "evaluation": {"polygon", "conf", "data", "rewards", "rollout"},
    "sft": {"polygon", "conf", "data", "evaluation", "vlm", "hardware"},
    "rl": {"polygon", "conf", "data", "rewards", "rollout", "evaluation", "vlm", "hardware"},
    "experiments": {"polygon", "conf", "data", "rewards", "rollout", "evaluation", "vlm", "hardware"},
}
# a file that fits a package to the engine -> the packages it may import besides
ADAPTERS = {"rewards/verl_manager.py": {"vlm"}}
# ARROWS among the folders of evaluation, which do not import its commands either
WITHIN_EVALUATION = {
    "inputs": set(),
    "measures": set(),
    "statistics": {"measures"},
    "report": {"measures", "statistics"},
    "exports": {"inputs"},
}
# engine package -> the packages and files that may import it, lazily or not
ENGINE = {
    "vllm": {"rollout"},
    "verl": {"rl", "sft", "rollout", "hardware", "rewards/verl_manager.py"},
    "torch": {"rl", "sft", "rollout", "hardware", "vlm", "rewards/verl_manager.py"},
}
NOT_PURE = {"rewards.verl_manager"}
# A module that is None in sys.modules cannot be found.
WITHOUT_ENGINE = f"import sys; sys.modules.update(dict.fromkeys({['ray', 'torch', 'transformers', 'verl', 'vllm']}))\n"


def imported(file: Path) -> Iterator[str]:
    """Top-level names of all absolute imports in a file, those inside functions included."""
    for node in ast.walk(ast.parse(file.read_text(), filename=str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.fixture(scope="module")
def imports(repo_root: Path) -> dict[str, set[str]]:
    """Path in the repository -> the names it imports, for every file of every package."""
    files = (file for package in ARROWS for file in sorted((repo_root / package).rglob("*.py")))
    return {file.relative_to(repo_root).as_posix(): set(imported(file)) for file in files}


def test_every_package_has_its_arrows(repo_root: Path) -> None:
    assert {file.parent.name for file in repo_root.glob("*/__init__.py")} == ARROWS.keys()


@pytest.mark.parametrize("package", ARROWS)
def test_arrows_point_one_way(package: str, imports: dict[str, set[str]]) -> None:
    own = {file: names for file, names in imports.items() if file.startswith(f"{package}/")}
    forbidden = ARROWS.keys() - ARROWS[package] - {package} | {"tests", "scripts"}
    found = {file: sorted(names & forbidden - ADAPTERS.get(file, set())) for file, names in own.items()}
    wrong = {file: names for file, names in found.items() if names}
    assert not wrong, f"{package} may import only {sorted(ARROWS[package])} of this repository"


@pytest.mark.parametrize("folder", WITHIN_EVALUATION)
def test_arrows_within_evaluation(folder: str, repo_root: Path) -> None:
    sources = [file.read_text() for file in (repo_root / "evaluation" / folder).glob("*.py")]
    names = {name for source in sources for name in re.findall(r"^from evaluation\.(\w+)", source, re.MULTILINE)}
    allowed = WITHIN_EVALUATION[folder] | {folder, "conventions", "output", "prediction"}
    assert sources and not names - allowed


@pytest.mark.parametrize("engine", ENGINE)
def test_only_adapters_import_the_engine(engine: str, imports: dict[str, set[str]]) -> None:
    wrong = [
        file
        for file, names in imports.items()
        if engine in names and not {file, file.partition("/")[0]} & ENGINE[engine]
    ]
    assert not wrong, f"only {sorted(ENGINE[engine])} may import {engine}"


def test_polygon_stands_on_three_libraries(imports: dict[str, set[str]]) -> None:
    allowed = {"polygon", "numpy", "cv2", "pycocotools"} | sys.stdlib_module_names
    wrong = {file: sorted(names - allowed) for file, names in imports.items() if file.startswith("polygon/")}
    assert not any(wrong.values()), wrong


@pytest.mark.parametrize("package", ["polygon", "rewards", "evaluation", "data"])
def test_imports_without_the_engine(package: str, imports: dict[str, set[str]], repo_root: Path) -> None:
    files = [Path(file) for file in imports if file.startswith(f"{package}/")]
    modules = {".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files} - NOT_PURE
    script = WITHOUT_ENGINE + "".join(f"import {module}\n" for module in sorted(modules))
    done = subprocess.run([sys.executable, "-c", script], cwd=repo_root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_unit_tests_need_no_engine(repo_root: Path) -> None:
    wrong = [file.name for file in (repo_root / "tests/unit").glob("*.py") if ENGINE.keys() & set(imported(file))]
    assert not wrong
    arguments = ["-qq", "--collect-only", "-p", "no:cacheprovider", "tests/unit"]
    script = WITHOUT_ENGINE + f"import pytest; sys.exit(pytest.main({arguments}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=repo_root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
