"""The folder of a run: configuration, provenance, metrics, and where verl's loggers write.

    run_dir/config.yaml  run.json  metrics.jsonl  metrics.csv (log_to has csv)  tensorboard/  wandb/  checkpoints/
    run_dir/report.html at its end

It appears once all checks are passed.
"""

import csv
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from omegaconf import DictConfig, OmegaConf, open_dict

from hardware.provenance import record_end, record_start
from polygon.errors import UserError

LOGGER_VARIABLES = (
    "VERL_FILE_LOGGER_PATH",
    "TENSORBOARD_DIR",
    "WANDB_DIR",
    "WANDB_RUN_GROUP",
    "WANDB_JOB_TYPE",
    "WANDB_MODE",
)
"""Where verl's loggers look for what is a run's own."""
THEIRS = frozenset(os.environ)
"""What the user has set; later runs of a sweep find what the earlier ones have set besides."""


@contextmanager
def open_run(config: DictConfig, kind: str) -> Iterator[Path]:
    """The folder of a run while it goes on; the block gets its metrics file.

    Makes the folder, with the resolved configuration and the provenance, and has verl's loggers write there; at the end
    notes that it is finished. What an earlier run left of its metrics is kept, numbered: verl empties the file when it
    opens it, a resumed run's too. kind: "sft" or "rl", wandb's job type; its group is the run's name.
    Raises UserError for a folder that cannot be written.
    """
    began = time.monotonic()
    folder = Path(config.run_dir).resolve()
    metrics, first = folder / "metrics.jsonl", os.environ.get("RANK", "0") == "0"
    if first:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            OmegaConf.save(config, folder / "config.yaml", resolve=True)
            start = record_start(folder)
            if metrics.exists():
                metrics.rename(folder / f"metrics.{len(list(folder.glob('metrics.*.jsonl'))) + 1}.jsonl")
        except OSError as error:
            raise UserError(f"cannot write {folder}: {error.strerror}; set run_dir to a writable folder") from error
        with open_dict(config):  # for wandb, which shows a run's configuration
            config.provenance, config.dataset_card = start, dataset_card(config)
    config.trainer.logger = [logger for logger in config.log_to if logger != "csv"]
    os.environ.update(logger_environment(folder, config.name, kind))
    try:
        yield metrics
    finally:
        if first and "csv" in config.log_to and metrics.exists():
            write_csv(metrics, folder / "metrics.csv")
    if first:
        record_end(folder, time.monotonic() - began)


def logger_environment(folder: Path, group: str, kind: str) -> dict[str, str]:
    """Where verl's loggers find their settings; what the user's environment says already wins."""
    ours = {"TENSORBOARD_DIR": str(folder / "tensorboard"), "WANDB_DIR": str(folder)}
    ours |= {"WANDB_RUN_GROUP": group, "WANDB_JOB_TYPE": kind}
    if "WANDB_MODE" not in THEIRS and not wandb_answers():
        ours["WANDB_MODE"] = "offline"  # `wandb sync` uploads later
    ours = {name: value for name, value in ours.items() if name not in THEIRS}
    return ours | {"VERL_FILE_LOGGER_PATH": str(folder / "metrics.jsonl")}


def dataset_card(config: DictConfig) -> dict | None:
    """What `data.prepare` wrote about the dataset; None where nothing is prepared."""
    try:
        return json.loads((Path(config.data_root) / config.dataset.name / "card.json").read_text())
    except (OSError, ValueError):
        return None


def write_csv(metrics: Path, file: Path) -> None:
    """verl's metrics, a row a step, as a table whose columns are all names that occur."""
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    names = dict.fromkeys(name for row in rows for name in row["data"])
    with file.open("w", newline="") as stream:
        table = csv.DictWriter(stream, ["step", *names])
        table.writeheader()
        table.writerows({"step": row["step"]} | row["data"] for row in rows)


def wandb_answers() -> bool:
    """Whether wandb has a key and a server to send metrics to; without one it ends the run after 90 s of trying."""
    if "WANDB_API_KEY" not in os.environ:
        return False
    try:
        urlopen(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"), timeout=5).close()
    except HTTPError:
        pass  # an answer too
    except OSError:
        return False
    return True
