"""`shapes`: procedural scenes of flat objects with exact masks and unambiguous expressions, by random access.

Why: the whole method can be taught, measured and debugged without a download, and no scene need be seen twice.
How: `Shapes().sample("train", 7, "text2mask")`; the levels of difficulty are `conf/dataset/shapes*.yaml`.

- Exact: an object's outline is filled once by cv2.fillPoly and its visible pixels are its mask.
- Deterministic in (seed, split, index), across processes: numpy's SeedSequence and PCG64, integer scene parameters.
- Disjoint: a layout's own hash says which split it belongs to (`scene.split_of`); a draw that belongs elsewhere is
  rejected and the next one is tried, on average 8/7 tries for train and 16 for val and test.
"""

from dataclasses import astuple

import cv2
import numpy as np

from data import layout
from data.background import BACKGROUNDS, sheet
from data.expressions import absent, namable, refer
from data.interior import interior_point
from data.level import Level
from data.sample import Sample, sample_id
from data.scene import COLOURS, SPLITS, Scene, SceneObject, layout_key, split_of
from data.task import TASKS
from polygon import UserError, mask_box, rle_encode

_CANDIDATES = 40  # objects tried a scene; beside two large ones about one candidate in four finds room
_TRIES = 2000  # scenes drawn before giving up; val and test need 16 on average
_SCENE, _QUERY = 0, 1  # streams of random numbers of one index; further questions have those from 2 on


class Shapes(Level):
    """Samples of one level by random access.  A split is one of `scene.SPLITS`, an index any number from 0."""

    splits = SPLITS

    def size(self, split: str) -> None:
        """Endless: every index is another scene."""

    def scene(self, split: str, index: int) -> Scene:
        """The scene of an index; every index of every split has one.

        Raises UserError if the configured expressions cannot name an object of any scene (superlatives of one object).
        """
        rng = self._rng(split, index, _SCENE)
        for _ in range(_TRIES):
            objects = self._place(rng)
            key = layout_key(objects, self.image_size)
            if split_of(key) == split and namable(objects, self.expressions):
                break
        else:
            kinds = ", ".join(self.expressions)
            raise UserError(f"dataset.source.expressions: {kinds} named no object in {_TRIES} scenes; add attributes")
        image_HW3 = BACKGROUNDS[self.backgrounds[rng.integers(len(self.backgrounds))]](rng, self.image_size)
        for item in objects:
            cv2.copyTo(sheet(COLOURS[item.colour], self.image_size), item.mask_HW.view(np.uint8), image_HW3)
        return Scene(image_HW3, tuple(objects), key)

    def sample(self, split: str, index: int, task: str, question: int = 0) -> Sample:
        """The sample of an index, its image as pixels; all tasks of a question ask about one object of the scene."""
        scene, rng = self.scene(split, index), self._rng(split, index, _QUERY + question)
        target, expression = refer(scene.objects, self.expressions, rng)
        mask_HW = scene.objects[target].mask_HW
        if rng.random() < self.no_target and task == "text2mask":
            phrases = absent(scene.objects, self.shapes, self.colours)
            target, expression = "none", phrases[rng.integers(len(phrases))]
            mask_HW = np.zeros_like(mask_HW)
        box = mask_box(mask_HW)
        match TASKS[task].prompt_kind:
            case "text":
                prompt_region = None
            case "box":
                prompt_region, expression = box, None
            case "point":
                prompt_region, expression = interior_point(mask_HW, rng), None
        return Sample(
            sample_id=sample_id(self.name, split, task, scene.key, str(target), expression or prompt_region),
            source=self.name,
            split=split,
            task=task,
            image=scene.image_HW3,
            height=self.image_size,
            width=self.image_size,
            expression=expression,
            prompt_region=prompt_region,
            rle=rle_encode(mask_HW),
            box=astuple(box) if box else None,
            image_id=scene.key,
            ann_id=f"{scene.key}-{target}",
        )

    def _rng(self, split: str, index: int, stream: int) -> np.random.Generator:
        entropy = [self.seed, SPLITS.index(split), index, stream]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))

    def _place(self, rng: np.random.Generator) -> list[SceneObject]:
        """Up to the drawn number of objects, at least one; candidates that find no room are dropped."""
        size, (least, most) = self.image_size, (round(self.image_size * fraction) for fraction in self.radius)
        wanted = self.objects[0] + rng.integers(self.objects[-1] - self.objects[0] + 1)
        placed: list[SceneObject] = []
        for u in rng.random((_CANDIDATES, 6)).tolist():
            shape, colour = self.shapes[int(u[0] * len(self.shapes))], self.colours[int(u[1] * len(self.colours))]
            if self.distinct and any((o.shape, o.colour) == (shape, colour) for o in placed):
                continue
            radius = least + int(u[2] * (most - least + 1))
            room = size - 2 * radius - 1  # the whole disc stays inside the image
            centre = (radius + 1 + int(u[3] * room), radius + 1 + int(u[4] * room))
            if not layout.apart(centre, radius, colour, placed, self.spacing):
                continue
            angle = int(u[5] * (2 * self.rotation + 1)) - self.rotation
            mask_HW = layout.draw(shape, centre, radius, angle, size)
            candidate = SceneObject(shape, colour, centre, radius, angle, int(np.count_nonzero(mask_HW)), mask_HW)
            placed = layout.cover(placed, candidate, self.min_visible) or placed
            if len(placed) == wanted:
                break
        return placed
