"""The Hydra tree, and `@command("rl")`: makes a function a command over `rl.yaml` that says in one line what is wrong.

Hydra reports a key or value that it refuses in its own way, over several lines and with its search path.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from polygon.errors import cli


def command(config_name: str) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    """For the modules of a top-level folder, beside which `conf/` lies."""

    def decorate(main: Callable[[Any], None]) -> Callable[[], None]:
        os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then hands its errors on

        @functools.wraps(main)
        def job(config: Any) -> None:
            """In a sweep bad input fails this job and not the others; else no line of Hydra's shall precede ours."""
            alone = HydraConfig.get().mode == RunMode.RUN
            (cli(main) if alone else main)(config)

        return cli(hydra.main(version_base="1.3", config_path="../conf", config_name=config_name)(job))

    return decorate
