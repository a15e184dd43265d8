"""What `rollout.predict` leaves of one answer: a record, an overlay to look at, and one to zoom into.

    photo.jpg.json           text and region, in fractions of width and height; masks also as COCO run lengths
    photo.jpg.overlay.png    drawn and filled on the photo
    photo.jpg.overlay.svg    the photo with outline and vertices as vectors

Names keep the photo's suffix: `a.jpg` and `a.png` of one folder do not overwrite each other.
"""

import json
from pathlib import Path
from typing import Any

from data.sample import decode_image, encode_png
from polygon import Answer as Parsed
from polygon import Box, Codec, Mask, Point, Region
from polygon.output import write_whole
from rollout.overlay import overlay_pixels, overlay_svg
from rollout.photo import OVERLAY, open_photo
from rollout.request import Answer, Request


def write_answer(
    folder: Path, name: str, request: Request, answer: Answer, parsed: Parsed, codec: Codec, model: str
) -> list[Path]:
    """Write the three files as `folder/name.*`, each whole or not at all; returns their paths.

    Raises UserError where they cannot be written.
    """
    sample = request.sample
    photo = open_photo(sample.sample_id)
    encoded = photo.encoded or b""
    pixels_HW3 = overlay_pixels(decode_image(encoded), parsed.region, codec)
    record = {
        "image": sample.sample_id,
        "height": photo.height,
        "width": photo.width,
        "notes": list(photo.notes),
        "model": model,
        "task": sample.task,
        "prompt": sample.prompt,
        "draw": request.draw,
        **vars(answer),
        "failure": parsed.failure,
        "strict": parsed.strict,
        "region": region_json(parsed.region),
    }
    if isinstance(parsed.region, Mask):
        record |= {"decode": codec.decode, "rle": codec.rle(parsed.region, photo.height, photo.width)}
    svg = overlay_svg(parsed.region, photo.height, photo.width, encoded, sample.expression or sample.task, codec)
    contents = {
        f"{name}.json": (json.dumps(record, indent=2) + "\n").encode(),
        f"{name}{OVERLAY}.png": encode_png(pixels_HW3),
        f"{name}{OVERLAY}.svg": svg.encode(errors="replace"),
    }
    for file, content in contents.items():
        write_whole(folder / file, content)
    return [folder / file for file in contents]


def region_json(region: Region | None) -> dict[str, Any] | None:
    """Plain data, coordinates as fractions of width and height."""
    match region:
        case Mask(polygons):
            return {"polygons": [ring_N2.tolist() for ring_N2 in polygons]}
        case Box(x0, y0, x1, y1):
            return {"box": [x0, y0, x1, y1]}
        case Point(x, y):
            return {"point": [x, y]}
    return None
