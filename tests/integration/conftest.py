"""Fixtures of the end-to-end tests: a small dataset, the committed checkpoint, commands as a user runs them."""

import json
import os
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from omegaconf import OmegaConf

from hardware.environment import apply_environment

CHECKPOINT = "models/tiny_qwen3_vl_sft"
CONF = Path(__file__).resolve().parents[2] / "conf"

ENVIRONMENT = dict(os.environ)  # of the commands, which set their own
# Tests that import verl in this process need its CPU platform before that.
apply_environment(OmegaConf.create({"hardware": OmegaConf.load(CONF / "hardware" / "cpu.yaml")}))


class Command:
    """`python -m module overrides...` in the repository; stdout and stderr are kept together."""

    def __init__(self, repo_root: Path):
        self.repo_root = repo_root
        self.mark = ("SIMPLESEG_TEST", uuid.uuid4().hex)  # inherited by all that a command starts
        self.environment = {**ENVIRONMENT, "WANDB_MODE": "offline", self.mark[0]: self.mark[1]}
        self.environment.pop("VERL_FILE_LOGGER_PATH", None)

    def __call__(self, module: str, *overrides: str, fails: bool = False, timeout: float = 900) -> str:
        done = subprocess.run(
            [sys.executable, "-m", module, *overrides],
            cwd=self.repo_root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        assert (done.returncode != 0) == fails, f"exit code {done.returncode}:\n{done.stdout[-6000:]}"
        return done.stdout

    def start(self, console: Path, module: str, *overrides: str) -> subprocess.Popen:
        """The same without waiting for it, into the file `console`."""
        with console.open("wb") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", module, *overrides],
                cwd=self.repo_root,
                env=self.environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def left(self) -> list[list[str]]:
        """What still runs of all that commands have started, grandchildren included."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # of another user, or gone
                if process.environ().get(self.mark[0]) == self.mark[1]:
                    found.append(process.cmdline())
        return found


@pytest.fixture(scope="session")
def command(repo_root: Path) -> Command:
    return Command(repo_root)


@pytest.fixture(scope="session")
def data_root(command: Command, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    sizes = ("sft.train=96", "sft.val=8", "rl.train=64", "rl.val=16", "rl.test=16")
    command("data.prepare", f"data_root={root}", *(f"dataset.sizes.{size}" for size in sizes))
    return root


@pytest.fixture(scope="session")
def checkpoint(repo_root: Path) -> Path:
    return repo_root / CHECKPOINT


@pytest.fixture(scope="session")
def coco_dev(shared: Path) -> tuple[str, ...]:
    """Overrides of `data.prepare` for the shared photographs, divided into train and val."""
    folder = shared / "data/coco_dev"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: 286 photographs of COCO with their instances")
    files = ("annotations=instances.json", "images=images", "shares={train: 0.8, val: 0.2}")
    source = (f"dataset.source.{setting}" for setting in (f"root={folder}", *files))
    return "dataset=coco", "dataset.name=coco_dev", *source


class Pipeline:
    """SFT, GSPO, generation and evaluation of the tiny model on a prepared dataset, a few steps each."""

    def __init__(self, command: Command, checkpoint: Path):
        self.command, self.checkpoint = command, checkpoint

    def __call__(self, folder: Path, dataset: tuple[str, ...], *limits: str) -> dict:
        """Works in `folder`, which has the prepared data in `data`; `dataset` are overrides that choose it.

        `limits` are overrides of what the model may read and write.
        Returns the last value of every metric of SFT and GSPO, by stage, and what evaluation wrote.
        """
        common = (*dataset, f"data_root={folder / 'data'}")
        training = (*common, *limits, "log_to=[console,file]", "trainer.save_freq=2", "trainer.total_training_steps=2")
        self.command(
            "sft.train", *training, f"vlm.path={self.checkpoint}", f"run_dir={folder / 'sft'}",
            "data.train_batch_size=4",
        )  # fmt: skip
        started = folder / "sft/checkpoints/global_step_2/huggingface"
        self.command(
            "rl.train", *training, f"vlm.path={started}", f"run_dir={folder / 'rl'}", "vlm.micro_batch_size=4",
            "data.train_batch_size=4", "actor_rollout_ref.actor.ppo_mini_batch_size=2", "actor_rollout_ref.rollout.n=2",
            "algorithm.rollout_correction.bypass_mode=true", "trainer.v1.sync.parameter_sync_step=2",
        )  # fmt: skip
        trained, answers = folder / "rl/checkpoints/global_step_2/actor/huggingface", folder / "val.jsonl"
        self.command(
            "rollout.generate", *common, *limits, f"vlm.path={trained}", "backend=transformers", f"output={answers}"
        )  # fmt: skip
        self.command(
            "evaluation.run", *common, f"predictions={answers}", "codec=coarse", f"output={folder / 'metrics.json'}"
        )  # fmt: skip
        found = {"evaluation": json.loads((folder / "metrics.json").read_text())}
        for stage in ("sft", "rl"):
            rows = map(json.loads, (folder / stage / "metrics.jsonl").read_text().splitlines())
            found[stage] = {key: value for row in rows for key, value in row["data"].items()}
        return found


@pytest.fixture(scope="session")
def pipeline(command: Command, checkpoint: Path) -> Pipeline:
    return Pipeline(command, checkpoint)


@dataclass(frozen=True)
class GspoRuns:
    """A run whose engine is killed behind the checkpoint of step 3, and one that goes on from there to step 4.

    `settings` are theirs but for the folder; `first` and `second` their metrics, step -> values; `left` is what each
    left running, `shared_memory` the files that the first left there.
    """

    settings: tuple[str, ...]
    folder: Path
    first: dict[int, dict]
    second: dict[int, dict]
    exit_code: int
    console: str
    left: tuple[list, list]
    shared_memory: set[Path]


@pytest.fixture(scope="session")
def gspo(command: Command, data_root: Path, checkpoint: Path, tmp_path_factory) -> GspoRuns:
    folder = tmp_path_factory.mktemp("gspo") / "run"
    console = folder.with_name("console.txt")
    common = (
        "vlm.micro_batch_size=8", "data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=2",
        "actor_rollout_ref.actor.optim.lr=5e-5", "actor_rollout_ref.rollout.n=4", "log_to=[console,file,wandb]",
        f"vlm.path={checkpoint}", f"data_root={data_root}",
    )  # fmt: skip
    here = f"run_dir={folder}"
    metrics = folder / "metrics.jsonl"

    def steps() -> dict[int, dict]:
        return {row["step"]: row["data"] for row in map(json.loads, metrics.read_text().splitlines())}

    memory = Path("/dev/shm")
    before = set(memory.iterdir())
    run = command.start(console, "rl.train", *common, here, "trainer.save_freq=3")
    while run.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= 3):
        time.sleep(0.1)
    assert run.poll() is None, console.read_text()[-6000:]
    for process in psutil.Process(run.pid).children(recursive=True):
        with suppress(psutil.Error):
            if process.cmdline()[:1] == ["VLLM::EngineCore"]:  # a zombie has none
                process.kill()
    try:
        exit_code = run.wait(timeout=300)
    finally:
        run.terminate()  # one that hangs is not left to the other tests
    first, left, shared_memory = steps(), command.left(), set(memory.iterdir()) - before
    validation = ("trainer.test_freq=4", "trainer.log_val_generations=3")
    command("rl.train", *common, here, *validation, "trainer.total_training_steps=4", "trainer.save_freq=4")
    return GspoRuns(
        common, folder, first, steps(), exit_code, console.read_text(), (left, command.left()), shared_memory
    )
