"""Settings that spoil a run without a word, and rewards that cannot be, refused before anything starts.

How: `refuse(config)` on the composed configuration, first thing in `rl.train`; `rl/rules.py` holds the rules.
All violations are reported at once, a line each: `key=value: why; set key=value`. Neither verl nor torch is imported.
"""

from collections.abc import Iterator
from functools import partial

from omegaconf import DictConfig, OmegaConf

from polygon import Codec, UserError
from rewards import Rewards
from rl.rules import ACTOR, GSPO_RULES, RULES


def check(config: DictConfig) -> list[str]:
    """Every rule that the composed configuration of `rl.train` breaks, one line each; empty if it may run."""
    get = partial(OmegaConf.select, config)
    gspo = get(f"{ACTOR}.policy_loss.loss_mode") == "gspo"
    broken = (rule.broken(get) for rule in (*(GSPO_RULES if gspo else ()), *RULES))
    return [*filter(None, broken), *reward_faults(config)]


def reward_faults(config: DictConfig) -> Iterator[str]:
    """What the reward recipe says against itself: unknown terms and options, or nothing to tell answers apart."""
    try:
        weights = Rewards(config.rewards, Codec.from_config(config.codec)).weights
    except UserError as error:
        yield str(error)
        return
    if not any(weights.values()):
        yield "rewards: every weight is 0, so all answers are worth the same; set rewards.iou.weight=1"


def refuse(config: DictConfig) -> None:
    """Raise UserError with all lines of `check` if there are any."""
    if faults := check(config):
        raise UserError("\n       ".join(faults))
