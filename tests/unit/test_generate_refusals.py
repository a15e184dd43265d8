"""What `rollout.generate` refuses: settings, in this process, and what the command says, in one of its own."""

import os
import re
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from polygon import UserError
from rollout import generate as module
from rollout.generate import generate


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["output=null"], "name the file to write: output=FILE.jsonl"),
        (["draws=0"], "draws is 0; it is a whole number from 1"),
        (["draws=2"], "temperature=0 gives the same answer in every draw; set draws=1 or a temperature above 0"),
        (["limit=1.5"], "limit is 1.5; it is a whole number from 1, or null"),
        (["temperature=-1"], "temperature is -1; it is a number from 0 (greedy) to 2"),
        (["seed=x"], "seed is 'x'; it is a whole number from 0"),
        (["split=dev"], "has no split 'dev'; it has test, train, val"),
        (["dataset.name=dogs"], "dataset 'dogs' is not prepared ("),
        (["grammar=true", "codec.precisio=3"], "codec has no setting 'precisio'"),
    ],
)
def test_bad_settings_are_named_before_anything_is_opened(
    overrides, message, composed, data_root, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "apply_environment", lambda config: None)
    config = composed("generate", f"data_root={data_root}", f"output={tmp_path}/answers.jsonl", "backend=openai")
    OmegaConf.set_struct(config, False)
    for override in overrides:
        key, _, value = override.partition("=")
        OmegaConf.update(config, key, OmegaConf.create(f"[{value}]")[0])
    with pytest.raises(UserError, match=re.escape(message)):
        generate(config)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dataset.name=dogs"], r"dataset 'dogs' is not prepared \("),
        (["vlm.path=nowhere/at/all"], "no model folder nowhere/at/all; set vlm.path to a Hugging Face folder"),
        (["vlm.path=nobody/nothing"], "nobody/nothing is neither a folder here nor in the Hugging Face cache"),
        (["backend=openai", "backend.url=http://127.0.0.1:9/v1"], r"no answer from http://127.0.0.1:9/v1 \("),
        (["backend=openai", "grammar=true"], "grammar=true needs backend=vllm"),
        (["hardware.min_memory_gb=1e6"], r"[\d.]+ GB of memory are free and this run needs 1e\+06 \(hardware"),
        (
            ["hardware.rollout.tensor_parallel=2", "hardware.min_shm_gb=1e6"],
            r"[\d.]+ GB are free in /dev/shm and this run needs 1000000.00 \(hardware",
        ),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(arguments, message, repo_root, data_root, tmp_path):
    output = tmp_path / "answers.jsonl"
    command = [sys.executable, "-m", "rollout.generate", f"data_root={data_root}", f"output={output}", *arguments]
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "no_proxy": "*"}
    failed = subprocess.run(
        command, cwd=repo_root, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert failed.returncode == 2, failed.stderr
    assert re.match(f"error: {message}", failed.stderr), failed.stderr
    assert failed.stderr.count("\n") == 1
    assert not output.exists()
