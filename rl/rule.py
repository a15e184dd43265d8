"""What a rule of `rl.preflight` is, and what it may ask of the composed configuration; the rules are in rl/rules.py."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ACTOR = "actor_rollout_ref.actor"
ROLLOUT = "actor_rollout_ref.rollout"
DTYPES = {"fp32": "float32", "32": "float32", "bf16": "bfloat16", "fp16": "float16", "16": "float16", "half": "float16"}

Get = Callable[[str], Any]  # dotted key -> value of the composed configuration, None where there is none


@dataclass(frozen=True)
class Rule:
    """One thing that has to hold. `fix` is an override, `key=value`, or makes one from the configuration."""

    key: str
    holds: Callable[[Any, Get], bool]
    why: str
    fix: str | Callable[[Get], str]

    def broken(self, get: Get) -> str | None:
        """`key=value: why; set key=value`, or None if the rule holds."""
        value = get(self.key)
        try:
            if self.holds(value, get):
                return None
        except (TypeError, ZeroDivisionError):
            pass  # null or text where the rule counts: as wrong as a wrong number
        fix = self.fix if isinstance(self.fix, str) else self.fix(get)
        return f"{self.key}={'null' if value is None else value}: {self.why}; set {fix}"


def dtype(name: Any) -> str:
    """verl's and vLLM's names of one precision -> one name; an absent one is bf16 to verl."""
    return DTYPES.get(str(name), str(name)) if name is not None else "bfloat16"


def has_reference(get: Get) -> bool:
    return bool(get(f"{ACTOR}.use_kl_loss") or get("algorithm.use_kl_in_reward"))


def whole_micro_batches(micro: int, get: Get) -> bool:
    """Whether the answers of a mini-batch on one device fill its micro-batches; Ulysses' devices count as one."""
    if get(f"{ACTOR}.use_dynamic_bsz"):
        return True
    devices = get("trainer.nnodes") * get("trainer.n_gpus_per_node")
    answers = get(f"{ACTOR}.ppo_mini_batch_size") * get(f"{ROLLOUT}.n")
    return micro > 0 and answers * (get(f"{ACTOR}.ulysses_sequence_parallel_size") or 1) % (devices * micro) == 0


def no_lora_on_cpu(lora: Any, get: Get) -> bool:
    return not lora or get("hardware.device") != "cpu"


def several_mini_batches(batch: int, get: Get) -> bool:
    mini = get(f"{ACTOR}.ppo_mini_batch_size")
    return batch >= 2 * mini and batch % mini == 0


def whole_parts(parts: int, get: Get) -> bool:
    """Whether a batch may be trained in so many parts, the first of them while the last are written."""
    if parts == 1:
        return True
    kept = get("algorithm.rollout_correction.bypass_mode") and not get(f"{ROLLOUT}.free_cache_engine")
    return kept and parts > 1 and get("data.train_batch_size") % (parts * get(f"{ACTOR}.ppo_mini_batch_size")) == 0


def equal(key: str, unless: bool | None = None) -> Callable[[Any, Get], bool]:
    """Equal to another key's value, if that has one; not asked where `use_dynamic_bsz` is `unless`."""
    return lambda value, get: get(f"{ACTOR}.use_dynamic_bsz") is unless or get(key) in (None, value)


def set_to(key: str, other: str) -> Callable[[Get], str]:
    return lambda get: f"{key}={get(other)}"
