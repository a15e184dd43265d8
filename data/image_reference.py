"""How a row names an image that it does not hold: by the file's path, or a `data:` address for pixels without a file.

Why: verl's readers (`qwen_vl_utils.fetch_image`) open both.  A few images of a folder cannot be named, because readers
would see different pixels in the file (`image_file.py`): those travel in the row although the others are referenced.
"""

import base64
import os

_DATA = "data:image/png;base64,"  # readers look at the bytes, not at this type


def reference(image: str | bytes) -> str:
    """Path -> absolute path, encoded image -> `data:` address."""
    return os.path.abspath(image) if isinstance(image, str) else _DATA + base64.b64encode(image).decode("ascii")


def dereference(text: str) -> str | bytes:
    """What `reference` was given; raises ValueError for a damaged address."""
    return base64.b64decode(text[len(_DATA) :], validate=True) if text.startswith(_DATA) else text
