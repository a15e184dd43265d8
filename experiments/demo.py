"""`make demo`: a tiny model goes beyond its labels, by real SFT and GSPO on this machine's CPU.

    python -m experiments.demo [seeds=[0,1,2]]

Prepares scenes, teaches the committed checkpoint coarse outlines of them by `python -m sft.train`, as if nothing better
had been annotated, answers held-out scenes, trains it by `python -m rl.train experiment=demo` with the true mask as the
reward, answers again, prints one table and writes report.html. Every step is a command of this repository that can be
run by hand; its output goes to a log beside the results.
"""

import json
import shutil
import signal
import sys
import time
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from conf import command
from data.rows import read_samples
from evaluation import (
    compare_seeds,
    comparison_table,
    comparison_tables,
    evaluate,
    gallery,
    read_curves,
    read_predictions,
    report_rows,
    write_report,
)
from experiments.jobs import Job, as_words, run
from polygon import Codec

SHOWN = {"reward": "reward/total", "IoU": "reward/iou", "distance": "reward/distance", "format": "reward/format"}


@command("demo")
def main(config: DictConfig) -> None:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that `run` ends what it started
    start = time.monotonic()
    out = Path(config.out)
    data_root = out / "data"
    say("1/5  scenes")
    sizes = ("sft.train=64", "sft.val=64", f"rl.{config.split}={config.samples}")
    overrides = (f"dataset={config.dataset.name}", f"data_root={data_root}", *(f"dataset.sizes.{n}" for n in sizes))
    run(Job(out / "prepare.log", "data.prepare", overrides))
    say("2/5  SFT on coarse outlines")
    cold = teach(config, out / "cold")
    say("3/5  answers before GSPO")
    before = answer(config, out / "before", cold)
    after, runs = [], {}
    for seed in config.seeds:
        run_dir = out / f"seed{seed}"
        say(f"4/5  GSPO, seed {seed}")
        train(config, cold, run_dir, data_root, seed)
        say("5/5  answers after GSPO")
        after.append(answer(config, run_dir, last_checkpoint(run_dir)))
        runs[f"seed {seed}"] = run_dir
    report(config, before, after, runs, data_root, time.monotonic() - start)


def say(text: str) -> None:
    print(text, flush=True)


def answer(config: DictConfig, folder: Path, model: str | Path) -> dict[float, Path]:
    """Predictions of `model` on the held-out scenes, a file for each temperature."""
    files = {temperature: folder / f"temperature{temperature}.jsonl" for temperature in config.temperatures}
    common = {
        "dataset": config.dataset.name,
        "split": config.split,
        "data_root": Path(config.out) / "data",
        "vlm.path": model,
        "backend": config.backend,
        "limit": config.samples,
        "force": True,
    }
    jobs = []
    for temperature, file in files.items():
        draws = config.draws if temperature > 0 else 1
        overrides = common | {"temperature": temperature, "draws": draws, "output": file}
        jobs.append(Job(file.with_suffix(".log"), "rollout.generate", (*as_words(overrides),)))
    run(*jobs)
    return files


def teach(config: DictConfig, run_dir: Path) -> Path:
    """The model after SFT on scenes that are made on the fly; one that a demo before this left is taught anew."""
    shutil.rmtree(run_dir, ignore_errors=True)
    common = {"vlm": config.vlm.name, "vlm.path": config.vlm.path, "dataset": config.dataset.name, "run_dir": run_dir}
    more = OmegaConf.to_container(config.cold)
    run(Job(run_dir.with_suffix(".log"), "sft.train", (*as_words(common), *as_words(more))))
    return last_checkpoint(run_dir, "huggingface")


def train(config: DictConfig, model: Path, run_dir: Path, data_root: Path, seed: int) -> None:
    """GSPO into `run_dir`, with a line for each step on the console."""
    metrics = run_dir / "metrics.jsonl"
    metrics.unlink(missing_ok=True)
    shown = 0

    def watch() -> None:
        nonlocal shown
        lines = metrics.read_text().splitlines() if metrics.exists() else []
        for line in lines[shown:]:
            step = json.loads(line)
            values = "  ".join(f"{name} {step['data'][key]:.3f}" for name, key in SHOWN.items() if key in step["data"])
            say(f"     step {step['step']:3d}  {values}  {step['data'].get('timing_s/step', 0):.1f} s")
        shown = len(lines)

    paths = (f"vlm.path={model}", f"data_root={data_root}", f"run_dir={run_dir}")
    more = as_words(OmegaConf.to_container(config.train))
    overrides = ("experiment=demo", f"seed={seed}", f"vlm={config.vlm.name}", *paths, *more)
    run(Job(run_dir / "train.log", "rl.train", overrides), watch=watch)


def last_checkpoint(run_dir: Path, folder: str = "actor/huggingface") -> Path:
    """The Hugging Face folder of a run's last checkpoint."""
    step = (run_dir / "checkpoints" / "latest_checkpointed_iteration.txt").read_text().strip()
    return run_dir / "checkpoints" / f"global_step_{step}" / folder


def report(config: DictConfig, before, after, runs: dict[str, Path], data_root: Path, seconds: float) -> None:
    """Print the table and write report.html."""
    codec = Codec.from_config(OmegaConf.to_container(config.codec, resolve=True))
    samples = list(read_samples(data_root, config.dataset.name, config.split))[: config.samples]

    def score(path: Path):
        return evaluate(read_predictions(path), samples, codec)

    scored = {t: [(score(before[t]), score(files[t])) for files in after] for t in config.temperatures}
    comparisons = {
        "greedy" if t == 0 else f"sampled at temperature {t}": compare_seeds(pairs) for t, pairs in scored.items()
    }
    table = comparison_table(comparisons)
    say(table)
    first = dict(zip(("before", "after"), scored[0][0], strict=True))
    rows = report_rows({label: scores.results() for label, scores in first.items()})
    path = Path(config.out) / "report.html"
    facts = {
        "model": str(config.vlm.path),
        "seeds": ", ".join(map(str, config.seeds)),
        "wall time": f"{seconds / 60:.1f} minutes",
    }
    write_report(
        path,
        title="GSPO on shapes, before and after",
        facts=facts,
        conventions=first["before"].conventions,
        tables=comparison_tables(comparisons),
        curves={label: read_curves(folder / "metrics.jsonl") for label, folder in runs.items()},
        runs=tuple(first),
        rows=rows,
        examples=gallery(
            rows, samples, {"before": read_predictions(before[0]), "after": read_predictions(after[0][0])}, codec=codec
        ),
    )
    (Path(config.out) / "table.txt").write_text(table + "\n")
    say(f"\n{seconds / 60:.1f} minutes in all; the report: {path}")


if __name__ == "__main__":
    main()
