"""GSPO entry point: preflight, then verl's main_ppo on Ray with our trainer, rewards and agent loop.

python -m rl.train vlm=tiny_qwen3_vl dataset=shapes hardware=cpu
"""

import os
from pathlib import Path

import hydra
from omegaconf import DictConfig

from hardware.environment import apply_environment
from polygon.errors import cli


@hydra.main(version_base="1.3", config_path="../conf", config_name="rl")
@cli
def main(config: DictConfig) -> None:
    apply_environment(config)
    run_dir = Path(config.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("VERL_FILE_LOGGER_PATH", str((run_dir / "metrics.jsonl").resolve()))
    os.environ.setdefault("WANDB_DIR", str(run_dir.resolve()))

    import ray
    from verl.trainer.main_ppo import run_ppo

    from rl.trainer import PolygonTaskRunner

    try:
        run_ppo(config, task_runner_class=PolygonTaskRunner)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
