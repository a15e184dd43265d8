"""Answers of a validation as pictures in wandb: the first `trainer.log_val_generations` validation samples, each time.

verl logs texts only, of samples drawn at random, and has no hook that sees the photo. So the mixin keeps the first rows
that the validation loader gives; verl writes the `uid` of each into them, and names its answers by the same `uid`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.image_reference import dereference
from data.sample import decode_image
from evaluation.report.wandb_image import wandb_image
from polygon import Codec, Target

KEY = "val/overlays"


class ValidationOverlays:
    """Mixin before one of verl's V1 trainers. Without wandb among the loggers it does nothing."""

    def _validate(self):
        loader = self.val_dataloader
        self._first_batches: list[dict] = []
        self.val_dataloader = self._noting(loader)
        try:
            return super()._validate()
        finally:
            self.val_dataloader = loader
            self._first_batches = []

    def _noting(self, batches: Iterable[dict]) -> Iterator[dict]:
        wanted = self.config.trainer.log_val_generations if "wandb" in self.config.trainer.logger else 0
        for batch in batches:
            if wanted > 0:
                self._first_batches.append(batch)
                wanted -= len(batch["raw_prompt"])
            yield batch

    def _maybe_log_val_generations(self, inputs, outputs, scores):
        super()._maybe_log_val_generations(inputs, outputs, scores)
        self._outputs = outputs

    def _val_metrics_update(self, data_sources, sample_uids, *args, **kwargs):
        if self._first_batches:
            self._log_overlays(dict(zip(reversed(sample_uids), reversed(self._outputs), strict=True)))
        return super()._val_metrics_update(data_sources, sample_uids, *args, **kwargs)

    def _log_overlays(self, answers: dict[str, str]) -> None:
        """Log the kept rows that were answered (verl drops rows whose generation failed); `answers` are by uid."""
        import wandb

        codec = Codec.from_config(self.config.codec)
        columns = ("uid", "raw_prompt", "reward_model", "extra_info")
        rows = [row for batch in self._first_batches for row in zip(*(batch[name] for name in columns), strict=True)]
        pictures = [
            wandb_image(
                pixels(messages),
                Target.from_json(reward_model["ground_truth"]),
                answers[uid],
                extra_info["expression"] or extra_info["task"],
                codec,
            )
            for uid, messages, reward_model, extra_info in rows[: self.config.trainer.log_val_generations]
            if uid in answers
        ]
        wandb.log({KEY: pictures}, step=self.global_steps)


def pixels(messages: list[dict]) -> NDArray[np.uint8]:
    """uint8 RGB (H, W, 3): the photo in a prompt as verl's dataset builds it, decoded or as a reference to a file."""
    parts = (part for message in messages for part in message["content"] if isinstance(part, dict))
    image = next(part["image"] for part in parts if part["type"] == "image")
    if not isinstance(image, str):
        return np.asarray(image.convert("RGB"))
    found = dereference(image)
    return decode_image(found if isinstance(found, bytes) else Path(found).read_bytes())
