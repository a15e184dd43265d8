"""Pictures of a validation in wandb: masks and boxes as wandb takes them, in an offline run, from verl's own rows."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from data import Shapes
from data.answer import answer_region
from data.image_reference import reference
from data.sample import rl_row
from evaluation.report.wandb_image import wandb_image
from polygon import Codec
from rl.validation_overlays import KEY, ValidationOverlays, pixels

wandb = pytest.importorskip("wandb", reason="wandb is not installed: it belongs to the training extras")
CODEC = Codec()
SHAPES = Shapes()


def sample(index, task="text2mask"):
    return SHAPES.sample("val", index, task)


def gold(one):
    return CODEC.format(answer_region(one, CODEC))


def picture(one, text, codec=CODEC):
    return wandb_image(one.pixels(), one.target(), text, "the star", codec)


def mask_of(image, name):
    return image._masks[name]._val["mask_data"]  # wandb has no reader


def test_a_mask_has_two_layers_of_the_photos_size():
    image = picture(sample(0), gold(sample(0)))
    truth, answer = mask_of(image, "ground truth"), mask_of(image, "answer")
    assert np.array_equal(truth == 1, sample(0).target().mask)
    assert set(np.unique(answer)) == {0, 2}
    assert ((answer > 0) & (truth > 0)).sum() / ((answer > 0) | (truth > 0)).sum() > 0.9
    assert image._caption.startswith("the star\nIoU 1.00\n[[[0.691")


def test_whole_numbers_are_read_as_such():
    codec = Codec(integers=True)
    assert "\nIoU 1.00\n" in picture(sample(0), codec.format(answer_region(sample(0), codec)), codec)._caption


def test_boxes_points_and_nonsense():
    box = picture(sample(1, "text2box"), gold(sample(1, "text2box")))
    truth, answer = (box._boxes[name]._val[0]["position"] for name in ("ground truth", "answer"))
    assert answer == pytest.approx(truth, abs=0.001)
    point = picture(sample(2, "text2point"), gold(sample(2, "text2point")))
    disc = mask_of(point, "answer") > 0
    assert 0 < disc.sum() < 40
    assert "hit 1.00" in point._caption
    nonsense = picture(sample(0), "I cannot see it")
    assert not mask_of(nonsense, "answer").any()
    assert "IoU 0.00, no_answer\nI cannot see it" in nonsense._caption


class Trainer:
    """What `_validate` of verl's trainers does with the methods that the mixin overrides."""

    def __init__(self, batches, logger, log_val_generations):
        trainer = SimpleNamespace(logger=logger, log_val_generations=log_val_generations)
        self.config = SimpleNamespace(trainer=trainer, codec={})
        self.val_dataloader, self.global_steps = batches, 7

    def _validate(self):
        uids, outputs = [], []
        for number, batch in enumerate(self.val_dataloader):
            batch["uid"] = np.array([f"{number}-{row}" for row in range(len(batch["raw_prompt"]))], dtype=object)
            answered = list(zip(batch["uid"], batch["answer"], strict=True))[::-1]  # in the order they come back
            uids += [uid for uid, _ in answered]
            outputs += [answer for _, answer in answered]
        self._maybe_log_val_generations(inputs=outputs, outputs=outputs, scores=outputs)
        return self._val_metrics_update(["shapes"], uids, {}, [], expected_acc_counts={})

    def _maybe_log_val_generations(self, inputs, outputs, scores):
        pass

    def _val_metrics_update(self, data_sources, sample_uids, reward_extra_infos_dict, sample_turns, **expected):
        return {"val": len(sample_uids)}


class OverlayTrainer(ValidationOverlays, Trainer):
    pass


def batch(samples):
    """Rows as verl's dataset and collate function make them."""
    rows = [rl_row(one, "Outline the star.", index) for index, one in enumerate(samples)]
    messages = [
        [{"role": "user", "content": [{"type": "image", "image": Image.fromarray(s.pixels())}]}] for s in samples
    ]
    columns = {name: [row[name] for row in rows] for name in ("reward_model", "extra_info")}
    columns |= {"raw_prompt": messages, "answer": [gold(one) for one in samples]}
    return {name: np.fromiter(values, dtype=object, count=len(rows)) for name, values in columns.items()}


def test_validation_logs_the_first_rows_with_their_own_answers(tmp_path, monkeypatch):
    logged = []
    batches = [batch([sample(0), sample(1)]), batch([sample(2), sample(3)])]
    trainer = OverlayTrainer(batches, ["console", "wandb"], 3)
    with wandb.init(mode="offline", dir=tmp_path) as run, monkeypatch.context() as patched:
        log = wandb.log
        patched.setattr(wandb, "log", lambda data, step: (logged.append((data, step)), log(data, step=step)))
        assert trainer._validate() == {"val": 4}
        files = Path(run.dir)
    assert trainer.val_dataloader is batches
    photos = sorted((files / "media" / "images").glob("**/*.jpg"))
    masks = list((files / "media" / "images" / "mask").glob("**/*.png"))
    assert len(photos) == 3
    assert len(masks) == 6
    [(data, step)] = logged
    assert step == 7
    for image, one in zip(data[KEY], (sample(0), sample(1), sample(2)), strict=True):
        question, score, _ = image._caption.splitlines()
        assert question == one.expression
        assert float(score.removeprefix("IoU ")) > 0.9  # its own answer over its own target


@pytest.mark.parametrize(("logger", "count"), [(["console"], 3), (["wandb"], 0)])
def test_nothing_is_kept_or_logged_unasked(logger, count, monkeypatch):
    monkeypatch.setattr(wandb, "log", lambda *arguments, **keywords: pytest.fail("logged"))
    assert OverlayTrainer([batch([sample(0)])], logger, count)._validate() == {"val": 1}


@pytest.mark.parametrize("as_path", [True, False])
def test_a_referenced_photo_is_read(as_path, tmp_path):
    photo = sample(4).pixels()
    png = cv2.imencode(".png", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))[1].tobytes()
    (tmp_path / "photo.png").write_bytes(png)
    named = reference(str(tmp_path / "photo.png") if as_path else png)
    messages = [{"role": "user", "content": [{"type": "image", "image": named}, {"type": "text", "text": "?"}]}]
    assert np.array_equal(pixels(messages), photo)
