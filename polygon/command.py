"""`@command("rl")`: the main function of a Hydra command over `conf/rl.yaml`, which says what is wrong in one line.

Hydra reports a key or value that it refuses in its own way, over several lines and with its search path.
"""

import os
from collections.abc import Callable
from typing import Any

from polygon.errors import cli


def command(config_name: str) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    """For the modules of a top-level folder, beside which `conf/` lies."""

    def decorate(main: Callable[[Any], None]) -> Callable[[], None]:
        import hydra  # this package does without, but for its commands

        os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then hands its errors on
        in_conf = hydra.main(version_base="1.3", config_path="../conf", config_name=config_name)
        return cli(in_conf(cli(main)))

    return decorate
