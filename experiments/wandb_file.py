"""wandb's offline files (`run-ID.wandb`): configuration and history, without a server.

The format is LevelDB's log: after a header of 7 bytes, blocks of 32 KiB with records of `crc, length, type, data`, a
long one in several parts. wandb 0.31 writes it and has no reader that Python can call; the records are its protobufs.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polygon import UserError

IDENT, HEADER_BYTES, BLOCK_BYTES = b":W&B", 7, 32768
PART = struct.Struct("<IHB")  # crc, length, type
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read_wandb(file: Path) -> tuple[dict[str, Any], dict[str, dict[int, float]]]:
    """The configuration of a run, and its curves: metric -> step -> value. A torn end is left out.

    Raises UserError for a file that is none of wandb's, or too short to say of what run it is.
    """
    from google.protobuf.message import DecodeError
    from wandb.proto.wandb_internal_pb2 import Record

    config: dict[str, Any] = {}
    curves: dict[str, dict[int, float]] = {}
    try:
        for data in records(file.read_bytes()):
            record = Record.FromString(data)
            for update in (*record.run.config.update, *record.config.update):
                config[update.key] = json.loads(update.value_json)
            for item in record.history.item:
                value = json.loads(item.value_json)
                name = item.key or ".".join(item.nested_key)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    curves.setdefault(name, {})[record.history.step.num] = float(value)
    except (DecodeError, ValueError) as error:
        raise UserError(f"{file} is no offline file of wandb ({error})") from None
    if not config:
        raise UserError(f"{file} ends before its configuration: has the run only begun?")
    return config, curves


def records(data: bytes) -> Iterator[bytes]:
    """The whole records of a log. Raises ValueError where it is none."""
    if data[: len(IDENT)] != IDENT:
        raise ValueError("it does not begin with :W&B")
    place, parts = HEADER_BYTES, []
    while place + PART.size <= len(data):
        left = BLOCK_BYTES - place % BLOCK_BYTES
        if left < PART.size:
            place += left
            continue
        _, length, kind = PART.unpack_from(data, place)
        place += PART.size
        if kind not in (FULL, FIRST, MIDDLE, LAST) or place + length > len(data):
            return
        if kind in (FULL, FIRST):
            parts = []
        parts.append(data[place : place + length])
        place += length
        if kind in (FULL, LAST):
            yield b"".join(parts)
