"""The one error a user can cause, and the decorator with which every command reports it.

Library code raises `UserError` with one line that names the thing at fault and the way out; a command's main function
wears `@cli` (`@command(...)` where Hydra configures it), which turns that into `error: ...` on stderr and exit code 2.
Every other exception is a bug of ours and keeps its traceback.
"""

import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class UserError(Exception):
    """Bad input: the message is one line, names what is wrong and says what to do about it."""


def check_keys(name: str, keys: Iterable[str], settings: type) -> None:
    """Raise UserError for a key that is no field of the dataclass `settings`; `name` is the node of the keys."""
    known = [field.name for field in fields(settings)]
    for key in keys:
        if key not in known:
            raise UserError(f"{name} has no setting {key!r}: it has {', '.join(known)}")


def cli(main: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that bad input becomes one line on stderr and exit code 2."""

    @functools.wraps(main)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return main(*args, **kwargs)
        except Exception as error:
            if not isinstance(error, UserError) and not _is_about_configuration(error):
                raise
            said = str(error).partition("Config search path")[0]
            if type(error).__name__ == "OverrideParseException":
                said += (
                    "; a value with blanks, brackets, commas or = goes in quotes of its own: \"key='my file (1).json'\""
                )
            print(f"error: {' '.join(said.split())}", file=sys.stderr)
            sys.exit(2)

    return wrapper


def _is_about_configuration(error: Exception) -> bool:
    """Whether a file is no YAML, or Hydra refuses a key or value. Asked by name: this package does without Hydra."""
    names = {each.__name__ for each in type(error).__mro__}
    return bool(names & {"CompactHydraException", "MissingMandatoryValue", "YAMLError"})
