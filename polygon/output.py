"""Files written whole or not at all."""

import os
from pathlib import Path

from polygon.errors import UserError


def write_whole(path: str | Path, content: bytes) -> None:
    """Write beside `path`, then move into place, so a failure leaves no half-written file. UserError if it cannot."""
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another output") from None
