"""The JSONL file of answers, which a stopped run continues.

One row an answer: {"sample_id", "draw", "text", "tokens", "finish"} (evaluation/prediction.py reads them), appended as
answers arrive, in any order. `<output>.meta.json` beside it says with which model and settings, so that two runs never
mix in one file.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from polygon import UserError
from polygon.output import write_whole
from rollout.request import Answer


class AnswersFile:
    """Context manager that holds the file alone; `done` are the (sample_id, draw) it has when opened.

    Nothing changes on disk before `begin`. A last line that a killed run left torn is dropped then.

    Args:
        settings: what has to be the same for a file to be continued; JSON values.
        force: start anew, whatever is there.
    """

    def __init__(self, path: str | Path, settings: Mapping[str, Any], *, force: bool = False):
        self.path, self.settings, self.force = Path(path), dict(settings), force
        self.meta = self.path.with_name(self.path.name + ".meta.json")

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; choose another output") from None
        self._lock()
        self.is_new = self.force or os.fstat(self._file.fileno()).st_size == 0
        try:
            self._end, self.done = (0, set()) if self.is_new else self._continued()
        except UserError:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if os.fstat(self._file.fileno()).st_size == 0:  # nothing came of this run: leave nothing behind
            self.path.unlink(missing_ok=True)
            self.meta.unlink(missing_ok=True)
        self._file.close()

    def begin(self) -> None:
        """Make the file ready for `write`: empty with settings beside it, or cut behind its last whole line."""
        self._file.truncate(self._end)
        if self.is_new:
            write_whole(self.meta, (json.dumps(self.settings, indent=2) + "\n").encode())

    def write(self, sample_id: str, draw: int, answer: Answer) -> None:
        """Append one row, at once."""
        row = {"sample_id": sample_id, "draw": draw} | vars(answer)
        try:
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; make room, then run again to go on") from None

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise UserError(f"another run is writing {self.path}; wait for it or choose another output") from None

    def _continued(self) -> tuple[int, set[tuple[str, int]]]:
        """Bytes of whole lines and the keys in them, of a file written with the same settings."""
        anew = "choose another output, or set force=true to start anew"
        try:
            before = json.loads(self.meta.read_text())
        except (OSError, ValueError):
            raise UserError(f"{self.path} exists, and no {self.meta.name} says how it was made; {anew}") from None
        for name in dict.fromkeys([*before, *self.settings]):
            was, now = before.get(name), self.settings.get(name)
            if was != now:
                raise UserError(f"{self.path} was written with {name}={_text(was)}, now {name}={_text(now)}; {anew}")
        content = self.path.read_bytes()
        end = content.rfind(b"\n") + 1
        done = set()
        for number, line in enumerate(content[:end].splitlines(), start=1):
            try:
                row = json.loads(line)
                done.add((row["sample_id"], row["draw"]))
            except (ValueError, LookupError, TypeError):
                raise UserError(f"{self.path}:{number}: not a row of answers; {anew}") from None
        return end, done


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
