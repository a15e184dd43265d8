"""A folder that appears whole or not at all, and that a killed writer goes on with.

Why: preparing a million rows takes long enough to be interrupted, and a trainer must never read half a dataset.
How: files are written into `.<name>.partial`; a journal beside them lists those that are finished, with their digests,
below the fingerprint of what is being made.  Whoever opens it again for the same fingerprint finds them done.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.parquet import sha256
from polygon import UserError

_JOURNAL = "journal.jsonl"


class PartialFolder:
    """A dataset in the making; `finished` maps the name of a finished file to {"rows", "bytes", "sha256"}."""

    def __init__(self, path: Path, fingerprint: str):
        self.path = path
        self._journal = path / _JOURNAL
        entries = _read_journal(self._journal)
        if not entries or entries[0] != {"fingerprint": fingerprint}:
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
            entries = [{"fingerprint": fingerprint}]
        finished = [entry for entry in entries[1:] if _is_whole(path / entry["name"], entry)]
        # Written anew: behind a line that a killed writer left half written, nothing could be added.
        self._journal.write_text("".join(json.dumps(entry) + "\n" for entry in (entries[0], *finished)))
        self.finished = {entry["name"]: {k: v for k, v in entry.items() if k != "name"} for entry in finished}

    def finish(self, name: str, facts: dict) -> None:
        """Note a file that is whole; `facts` are those of `write_parquet`."""
        with self._journal.open("a") as journal:
            journal.write(json.dumps({"name": name, **facts}) + "\n")
        self.finished[name] = facts


@contextmanager
def resumed_folder(folder: Path, fingerprint: str) -> Iterator[PartialFolder]:
    """Yields what there is of `folder` in the making; it takes the place of `folder` when the block ends well.

    When it does not, finished files stay for the next call.  Hold `sole_writer`.
    """
    partial, old = (folder.with_name(f".{folder.name}.{state}") for state in ("partial", "old"))
    with naming(folder):
        if old.exists() and not folder.exists():  # killed between the two renames below
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        made = PartialFolder(partial, fingerprint)
        try:
            yield made
        except BaseException:
            if not made.finished:
                shutil.rmtree(partial, ignore_errors=True)
            raise
        (partial / _JOURNAL).unlink()
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Wait until nobody else writes `folder`.  The lock goes with its process, however that ends."""
    with naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f".{folder.name}.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def naming(folder: Path) -> Iterator[None]:
    """A failure to write becomes a UserError that names the place."""
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        raise UserError(f"cannot write {place}: {error.strerror}; set data_root to a writable folder") from error


def _read_journal(path: Path) -> list[dict]:
    entries: list[dict] = []
    with suppress(
        OSError, ValueError
    ):  # no journal yet, or a last line that was being written: what is before it stays
        entries.extend(map(json.loads, path.read_text().splitlines()))
    return entries


def _is_whole(path: Path, entry: dict) -> bool:
    return path.is_file() and path.stat().st_size == entry["bytes"] and sha256(path) == entry["sha256"]
