"""The prepared rows of GSPO: verl's dataset, without the rows that cannot be used. `conf/rl.yaml` names it.

verl's dataset opens images and leaves decoding to the agent loop, where a bad one would end the run. Here embedded ones
are decoded, which Ray would do next to send them, and of referenced ones the header is read.
"""

from PIL import Image
from verl.utils.dataset.rl_dataset import RLHFDataset

from hardware.usable_rows import UsableRows


class CheckedRows(RLHFDataset):
    def __getitem__(self, index: int) -> dict:
        row = super().__getitem__(index)
        for message in row["raw_prompt"]:
            for part in message["content"]:
                if isinstance(part, dict) and part["type"] == "image":
                    check_image(part["image"])
        return row


class UsableRlRows(UsableRows, CheckedRows):
    """Prompts whose images are there."""

    @property
    def files(self) -> list[str]:
        return self.data_files


def check_image(image: Image.Image | str) -> None:
    """Raises whatever PIL does for an image, a path or a `data:` address that is none."""
    if isinstance(image, Image.Image):
        image.load()
    elif not image.startswith("data:"):
        Image.open(image.removeprefix("file://")).close()
