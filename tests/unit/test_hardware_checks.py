"""`hardware.checks`: what is missing is named in one line with the way out; what is there is not asked twice."""

import socket
from collections import namedtuple

import pytest
from omegaconf import OmegaConf

from hardware import checks
from polygon import UserError

PLENTY_GB = 1000.0


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A configuration whose run would find everything."""
    monkeypatch.setattr(checks, "free_memory_gb", lambda: PLENTY_GB)
    monkeypatch.setattr(checks, "free_shared_memory_gb", lambda: PLENTY_GB)
    monkeypatch.delenv("RANK", raising=False)
    files = {split: tmp_path / "shapes" / "rl" / f"{split}.parquet" for split in ("train", "val")}
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return OmegaConf.create(
        {
            "hardware": {"device": "cpu", "devices": 1, "min_memory_gb": 8, "min_shm_gb": 1},
            "data_root": str(tmp_path),
            "dataset": {"name": "shapes"},
            "data": {"train_files": str(files["train"]), "val_files": [str(files["val"])]},
        }
    )


def refusal(config) -> str:
    with pytest.raises(UserError) as refused:
        checks.check_machine(config)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_machine_that_has_everything_passes(config):
    checks.check_machine(config)


def test_too_little_memory(config, monkeypatch):
    monkeypatch.setattr(checks, "free_memory_gb", lambda: 3.2)
    assert refusal(config).startswith("3.2 GB of memory are free and this run needs 8 (hardware.min_memory_gb): end")


def test_too_little_shared_memory(config, monkeypatch):
    monkeypatch.setattr(checks, "free_shared_memory_gb", lambda: 0.064)
    said = refusal(config)
    assert said.startswith("0.06 GB are free in /dev/shm and this run needs 1.00 (hardware.min_shm_gb")
    assert "docker run --shm-size=2g" in said


@pytest.mark.parametrize(("device", "needed_gb"), [("cpu", 4e9 + 2 * 512 * 2**20), ("cuda", 4e9)])
def test_shared_memory_holds_the_object_store_and_on_a_cpu_the_weights(config, device, needed_gb):
    config.hardware.update(device=device, devices=2)
    config.ray_kwargs = {"ray_init": {"object_store_memory": int(4e9)}}
    config.actor_rollout_ref = {"rollout": {"checkpoint_engine": {"update_weights_bucket_megabytes": 512}}}
    assert checks.needed_shared_memory_gb(config) == pytest.approx(needed_gb / 1e9)


Memory = namedtuple("Memory", "available")


@pytest.mark.parametrize("version", [1, 2])
def test_the_limit_of_a_container_counts_and_its_page_cache_does_not(tmp_path, monkeypatch, version):
    monkeypatch.setattr(checks, "CGROUP", tmp_path)
    monkeypatch.setattr(checks.psutil, "virtual_memory", lambda: Memory(available=int(64e9)))
    assert checks.free_memory_gb() == 64
    limit, usage, statistics, reclaimable = checks.CGROUP_FILES[2 - version]
    (tmp_path / limit).parent.mkdir(exist_ok=True)
    (tmp_path / usage).write_text(f"{int(10e9)}\n")
    (tmp_path / statistics).write_text(f"anon 4000000000\n{reclaimable} 6000000000\n")
    (tmp_path / limit).write_text(f"{int(16e9)}\n")
    assert checks.free_memory_gb() == 12
    (tmp_path / limit).write_text("max\n")
    assert checks.free_memory_gb() == 64


def test_a_port_in_use_is_named_with_another_that_is_free():
    with socket.socket() as server:
        server.bind(("", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(UserError, match=rf"^server\.port={port}: this port is in use; .* set server\.port=\d+$"):
            checks.check_port(port, "server.port")
    checks.check_port(port, "server.port")


@pytest.mark.parametrize("port", [70000, -1, "http", None])
def test_a_port_is_a_number(port):
    with pytest.raises(UserError, match=f"^server.port={port}: a port is a number from 1 to 65535$"):
        checks.check_port(port, "server.port")


def test_ports_of_a_run_are_checked(config, monkeypatch):
    with socket.socket() as server:
        server.bind(("", 0))
        server.listen()
        port = server.getsockname()[1]
        monkeypatch.setenv("MASTER_PORT", str(port))
        checks.check_machine(config)  # nobody's: a run without RANK chooses its own
        monkeypatch.setenv("RANK", "0")
        assert refusal(config).startswith(f"MASTER_PORT={port}: this port is in use")
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
        checks.check_machine(config)  # torchrun's own
        config.ray_kwargs = {"ray_init": {"dashboard_port": port}}
        assert refusal(config).startswith(f"ray_kwargs.ray_init.dashboard_port={port}: this port is in use")


def test_a_dataset_that_was_not_prepared_is_named_with_the_command(config, tmp_path):
    (tmp_path / "shapes/rl/val.parquet").unlink()
    command = f"python -m data.prepare dataset=shapes data_root={tmp_path}"
    assert refusal(config) == f"{tmp_path}/shapes/rl/val.parquet does not exist; prepare it: {command}"


def test_the_default_root_needs_no_option(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config.data_root, config.data.train_files = "outputs/data", "outputs/data/shapes/rl/train.parquet"
    assert refusal(config).endswith("train.parquet does not exist; prepare it: python -m data.prepare dataset=shapes")


def test_a_file_of_ones_own_is_named_with_its_key(config):
    config.data.train_files = "elsewhere/rows.parquet"
    assert refusal(config).startswith("data.train_files=elsewhere/rows.parquet: no such file; set data.train_files to")


def test_streamed_samples_need_no_file(config):
    config.data = {"train_files": [], "val_files": None}
    checks.check_machine(config)
