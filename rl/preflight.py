"""Settings that spoil a run without a word, and rewards that cannot be, refused before anything starts.

How: `preflight(config)` on the composed configuration, first thing in `rl.train`; `rl/rules.py` holds the rules.
All violations are reported at once, a line each: `key=value: why; set key=value`. `waive` names the keys whose rules an
ablation breaks on purpose. Neither verl nor torch is imported.
"""

from functools import partial

from omegaconf import DictConfig, OmegaConf

from polygon import Codec, UserError
from rewards import Rewards
from rl.rules import ACTOR, ANSWER_LENGTH, GSPO_RULES, RULES


def preflight(config: DictConfig) -> Rewards:
    """The rewards of a run that may start. Raises UserError with a line for everything that speaks against it."""
    faults = broken_rules(config)
    try:
        rewards = usable_rewards(config)
    except UserError as error:
        faults.append(str(error))
    if faults:
        raise UserError("\n       ".join(faults))
    return rewards


def broken_rules(config: DictConfig) -> list[str]:
    """A line for every rule that the composed configuration of `rl.train` breaks."""
    get = partial(OmegaConf.select, config)
    gspo = get(f"{ACTOR}.policy_loss.loss_mode") == "gspo"
    waived = set(get("waive") or ())
    if unknown := waived - {ANSWER_LENGTH, *(rule.key for rule in (*GSPO_RULES, *RULES))}:
        return [f"waive: no rule concerns {', '.join(sorted(unknown))}; name keys of the rules that a run breaks"]
    broken = (rule.broken(get) for rule in (*(GSPO_RULES if gspo else ()), *RULES) if rule.key not in waived)
    return [*filter(None, broken)]


def usable_rewards(config: DictConfig) -> Rewards:
    """The rewards of the recipe. Raises UserError for unknown terms or options, or nothing to tell answers apart."""
    rewards = Rewards(config.rewards, Codec.from_config(config.codec))
    if not any(rewards.weights.values()):
        raise UserError("rewards: every weight is 0, so all answers are worth the same; set rewards.iou.weight=1")
    return rewards
