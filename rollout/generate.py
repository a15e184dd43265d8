"""Answers of a model to a split of a prepared dataset, as a JSONL file that `evaluation.run` scores.

    python -m rollout.generate dataset=shapes split=val vlm=tiny_qwen3_vl output=outputs/predictions/val.jsonl
    python -m rollout.generate vlm.path=FOLDER temperature=1 draws=4 limit=128 output=sampled.jsonl
    python -m rollout.generate backend=openai backend.url=http://127.0.0.1:8000/v1 output=val.jsonl

Answers are written as they arrive; a stopped run goes on where it stopped when the same command is given again, and a
run with other settings does not touch the file unless force=true. An answer ends at the model's end token, or for masks
at the token that closes the outer bracket (rollout/stop.py). `grammar=true` (vLLM only) holds answers to the grammar.
"""

import sys
import time
from collections import Counter
from itertools import chain, islice
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from conf import command
from data.rows import PreparedRows, read_samples
from hardware.checks import check_memory, check_shared_memory
from hardware.environment import apply_environment
from polygon import KINDS, Codec, UserError
from rollout.answers_file import AnswersFile
from rollout.backend import open_backend
from rollout.question import questions_of, reworded
from rollout.request import Sampling, pending_requests
from vlm.checkpoint import find_model
from vlm.weights import fingerprint


@command("generate")
def main(config: DictConfig) -> None:
    try:
        print(generate(config))
    except KeyboardInterrupt:
        print(f"stopped; give the same command again to go on with {config.output}", file=sys.stderr)
        sys.exit(130)


def generate(config: DictConfig) -> str:
    """Write the answers that `config` (conf/generate.yaml) asks for and the file does not have; returns a summary."""
    sampling = checked_sampling(config)
    apply_environment(config)
    rows = read_samples(config.data_root, config.dataset.name, config.split)
    folder = None if config.backend.name == "openai" else find_model(config.vlm.path)
    with AnswersFile(config.output, _settings(config, rows, folder), force=config.force) as file:
        before, finishes = len(file.done), Counter[str]()
        samples = reworded(islice(rows, config.limit), questions_of(config))
        requests = pending_requests(samples, config.draws, config.seed, file.done)
        if (first := next(requests, None)) is None:
            return f"{file.path}: complete with {before} answers"
        if folder is not None:
            check_room(config)
        started = time.monotonic()
        backend = open_backend(config, folder, sampling)
        opened = time.monotonic()
        file.begin()
        total = config.draws * min(rows.n_rows, config.limit or rows.n_rows)
        with tqdm(total=total, initial=before, desc=file.path.name, unit="answer", mininterval=0.5) as progress:
            for request, answer in backend.answers(chain([first], requests)):
                file.write(*request.key, answer)
                finishes[answer.finish] += 1
                progress.update()
    new, seconds = finishes.total(), time.monotonic() - opened
    parts = [
        f"{file.path}: {before + new} answers, {new} of them new",
        f"{new / seconds:.1f} a second after a start of {opened - started:.0f} s",
        f"{finishes['length']} cut at {sampling.max_tokens} tokens",
    ]
    if rows.skipped:
        parts.append(f"{len(rows.skipped)} rows skipped: {', '.join(str(number) for number, _ in rows.skipped[:10])}")
    return "; ".join(parts)


def checked_sampling(config: DictConfig) -> Sampling:
    """Raises UserError for a setting out of its range."""
    if config.output is None:
        raise UserError("name the file to write: output=FILE.jsonl")
    for name, lowest, is_optional in (("draws", 1, False), ("limit", 1, True), ("seed", 0, False)):
        value = config[name]
        if not (is_optional and value is None) and (type(value) is not int or value < lowest):
            raise UserError(f"{name} is {value!r}; it is a whole number from {lowest}{', or null' * is_optional}")
    temperature = config.temperature
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 <= temperature <= 2:
        raise UserError(f"temperature is {temperature!r}; it is a number from 0 (greedy) to 2")
    if temperature == 0 and config.draws > 1:
        raise UserError("temperature=0 gives the same answer in every draw; set draws=1 or a temperature above 0")
    return Sampling(
        temperature=temperature,
        max_tokens=config.vlm.max_response_length,
        grammar=Codec.from_config(config.codec) if config.grammar else None,
        stop_at_bracket=OmegaConf.select(config, "vlm.stop_at_bracket", default=True),
    )


def check_room(config: DictConfig) -> None:
    """Raises UserError where there is too little memory, or too little of what several devices' processes share."""
    check_memory(config.hardware.min_memory_gb)
    if config.hardware.rollout.tensor_parallel > 1:  # a model on one device is one process
        check_shared_memory(config.hardware.min_shm_gb)


def _settings(config: DictConfig, rows: PreparedRows, folder: Path | None) -> dict[str, Any]:
    """What makes two runs write the same answers; a model is known by its content, wherever it lies."""
    model = f"{config.backend.url} {config.backend.model}" if folder is None else fingerprint(folder)
    return {
        "model": model,
        "backend": config.backend.name,
        "dataset": config.dataset.name,
        "split": config.split,
        "data": rows.digest(),
        "limit": config.limit,
        "draws": config.draws,
        "temperature": float(config.temperature),
        "seed": config.seed,
        "max_response_length": config.vlm.max_response_length,
        "grammar": config.grammar and [Codec.from_config(config.codec).grammar(kind) for kind in KINDS],
        # None where the model is asked and stopped as ours are
        "questions": dict(questions_of(config)) or None,
        "stop_at_bracket": OmegaConf.select(config, "vlm.stop_at_bracket"),
        "stop": list(OmegaConf.select(config, "vlm.stop") or ()) or None,
    }


if __name__ == "__main__":
    main()
