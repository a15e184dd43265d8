"""The one error a user can cause, and the decorator with which every command reports it.

Library code raises `UserError` with one line that names the thing at fault and the way out; a command's main function
wears `@cli` under `@hydra.main(...)`, which turns that into `error: ...` on stderr and exit code 2. Every other
exception is a bug of ours and keeps its traceback.
"""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class UserError(Exception):
    """Bad input: the message is one line, names what is wrong and says what to do about it."""


def cli(main: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command so that `UserError` becomes one line on stderr and exit code 2."""

    @functools.wraps(main)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return main(*args, **kwargs)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    return wrapper
