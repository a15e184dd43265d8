"""Which photograph, which object, which answer: small files in which a name or a number alone would mislead."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.prepare import main as prepare_main
from evaluation.average_precision import main as average_precision_main
from evaluation.export import main as export_main
from evaluation.run import main as run_main
from polygon import rle_encode

HEIGHT, WIDTH = 60, 80
LEFT, RIGHT = (10, 10, 20), (50, 30, 20)  # x, y, side of a square


def corners(x: int, y: int, side: int) -> list[int]:
    return [x, y, x + side, y, x + side, y + side, x, y + side]


class Folder:
    """A COCO dataset: `add(file, image_id, category_id, square)`, then `write`."""

    def __init__(self, root: Path):
        self.root, self.images, self.annotations = root, {}, []
        self.categories = {1: "cat", 2: "dog"}

    def add(self, file: str, image_id, *objects: tuple) -> None:
        path = self.root / "images" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = len(self.images) + 1
        path.write_bytes(cv2.imencode(".png", np.full((HEIGHT, WIDTH, 3), 9 * shade, np.uint8))[1])
        self.images[image_id, file] = {"id": image_id, "file_name": file, "width": WIDTH, "height": HEIGHT}
        for category, (x, y, side) in objects:
            self.annotations.append(
                {
                    "id": len(self.annotations) + 1,
                    "image_id": image_id,
                    "category_id": category,
                    "segmentation": [corners(x, y, side)],
                    "bbox": [x, y, side, side],
                    "area": side * side,
                    "iscrowd": 0,
                }
            )

    def write(self, name: str = "instances.json") -> Path:
        categories = [{"id": number, "name": name} for number, name in self.categories.items()]
        content = {"images": [*self.images.values()], "annotations": self.annotations, "categories": categories}
        (self.root / name).write_text(json.dumps(content))
        return self.root / name

    def results(self) -> Path:
        """The annotations as perfect results."""
        rows = []
        for item in self.annotations:
            mask_HW = np.zeros((HEIGHT, WIDTH), np.uint8)
            x, y, side = *item["bbox"][:2], item["bbox"][2]
            mask_HW[y : y + side, x : x + side] = 1
            keys = ("image_id", "category_id")
            rows.append({key: item[key] for key in keys} | {"segmentation": rle_encode(mask_HW), "score": 0.9})
        (self.root / "results.json").write_text(json.dumps(rows))
        return self.root / "results.json"


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "set")


@pytest.fixture
def prepared(folder, ended, tmp_path):
    """`prepared(*overrides)`: the dataset `mine`, all of it in val."""

    def prepared(*overrides: str):
        source = ("root", folder.root), ("annotations.val", "instances.json"), ("images.val", "images")
        words = [f"dataset.source.{key}={value}" for key, value in source]
        no_train = [f"~dataset.{key}" for key in ("source.annotations.train", "source.images.train", "sizes.sft")]
        return ended(
            prepare_main, "prepare", "dataset=coco", "dataset.name=mine", *words, *no_train,
            "~dataset.sizes.rl", "+dataset.sizes.rl={val: null}",
            "card=null", "codec=default", f"data_root={tmp_path}", "workers=1", *overrides,
        )  # fmt: skip

    return prepared


@pytest.fixture
def scored(ended, tmp_path):
    def scored(*overrides: str) -> dict:
        output = tmp_path / "metrics.json"
        run = ended(
            run_main, "evaluate", "dataset=coco", "dataset.name=mine", "split=val", f"data_root={tmp_path}",
            "boundary=null", f"output={output}", *overrides,
        )  # fmt: skip
        assert run.err == "", run.err
        return json.loads(output.read_text())

    return scored


def expressions(root: Path) -> list[str]:
    import pyarrow.parquet as pq

    return [row["expression"] for row in pq.read_table(root / "mine/rl/val")["extra_info"].to_pylist()]


def g_iou(metrics: dict) -> float:
    return metrics["tasks"]["text2mask"]["metrics"]["gIoU"]["value"]


def test_equal_names_in_two_folders_are_two_photographs(folder, prepared, scored, ended, tmp_path):
    for number, file in enumerate(("cam1/0001.png", "cam1/0002.png", "cam2/0001.png", "cam2/0002.png"), start=1):
        folder.add(file, number, (1, LEFT if "cam1" in file else RIGHT))
    annotations = folder.write()
    assert prepared().code == 0
    metrics = scored("format=coco", f"predictions={folder.results()}")
    assert g_iou(metrics) == pytest.approx(1.0)
    common = ("dataset=coco", "dataset.name=mine", f"data_root={tmp_path}", "format=coco")
    for to, output in (("labelme", tmp_path / "labelme"), ("coco", tmp_path / "out.json")):
        answers = f"predictions={folder.root / 'results.json'}"
        assert ended(export_main, "export", *common, answers, f"to={to}", f"output={output}").code == 0
    written = sorted(file.name for file in (tmp_path / "labelme").glob("*.json"))
    assert len(written) == 4
    assert sorted(json.loads((tmp_path / "labelme" / name).read_text())["imageId"] for name in written) == [1, 2, 3, 4]
    run = ended(
        average_precision_main, "average_precision", f"results={tmp_path / 'out.json'}", f"annotations={annotations}"
    )
    assert run.code == 0 and "AP                  1.000" in run.out


def test_the_files_ids_count_and_not_the_digits_of_its_names(folder, prepared, scored):
    for number in range(4):
        folder.add(f"{number:06d}.png", number + 1, (1, (4 + 9 * number, 10, 12)))
    folder.write()
    assert prepared().code == 0
    assert g_iou(scored("format=coco", f"predictions={folder.results()}")) == pytest.approx(1.0)


def test_a_results_category_counts_unless_told_otherwise(folder, prepared, scored, ended, tmp_path):
    for number in range(1, 4):
        folder.add(f"p{number}.png", number, (1, LEFT), (2, RIGHT))
    folder.write()
    assert prepared().code == 0
    results = folder.results()
    assert g_iou(scored("format=coco", f"predictions={results}")) == pytest.approx(1.0)
    rows = json.loads(results.read_text())
    results.write_text(json.dumps([row | {"category_id": 7} for row in rows]))
    words = ("dataset=coco", "dataset.name=mine", f"data_root={tmp_path}", "format=coco", f"predictions={results}")
    refused = ended(run_main, "evaluate", *words, "boundary=null")
    assert refused.code == 2 and "no row has a category of the split, which has 1, 2" in refused.err
    assert "coco.categories=ignore" in refused.err
    assert g_iou(scored("format=coco", f"predictions={results}", "coco.categories=ignore")) == pytest.approx(0.5)


def test_perfect_answers_export_to_an_average_precision_of_one(folder, prepared, ended, tmp_path):
    """Two expressions an object, and categories that are not 1."""
    folder.categories = {7: "cat", 9: "dog"}
    for number in range(1, 4):
        folder.add(f"p{number}.png", 10 * number, (7, LEFT), (7, RIGHT), (9, (50, 2, 12)))
    annotations = folder.write()
    assert prepared().code == 0
    assert len(expressions(tmp_path)) > 9
    answers, output = folder.results(), tmp_path / "out.json"
    common = ("dataset=coco", "dataset.name=mine", f"data_root={tmp_path}", "format=coco", f"predictions={answers}")
    run = ended(export_main, "export", *common, "to=coco", f"output={output}", "coco.keep=all")
    assert run.code == 0 and "further expressions of an object" in run.out
    rows = json.loads(output.read_text())
    assert {(row["image_id"], row["category_id"]) for row in rows} == {(10 * n, c) for n in (1, 2, 3) for c in (7, 9)}
    assert len(rows) == len({(row["image_id"], row["ann_id"]) for row in rows}) == 9
    assert annotations.is_file()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("Car", "car "), {"the left car", "the right car"}),
        (("car", "sports car"), {"the left car", "the sports car"}),
    ],
)
def test_what_a_noun_may_mean_is_decided_by_its_words(folder, prepared, tmp_path, names, said):
    folder.categories = dict(enumerate(names, start=1))
    folder.add("p1.png", 1, (1, LEFT), (2, RIGHT))
    folder.write()
    assert prepared("dataset.source.expressions=[only,side]").code == 0
    found = set(expressions(tmp_path))
    assert said <= found and "the car" not in found


def test_one_photograph_under_two_ids_is_one(folder, prepared, tmp_path):
    folder.add("p1.png", 10, (1, LEFT))
    folder.add("p1.png", 11, (1, RIGHT))
    folder.write()
    assert prepared("dataset.source.expressions=[only,side]").code == 0
    assert {"the left cat", "the right cat"} <= set(expressions(tmp_path)) and "the cat" not in expressions(tmp_path)


def test_two_files_under_one_id_are_refused(folder, prepared):
    folder.add("p1.jpg", 1, (1, LEFT))
    folder.add("p1.png", 1, (2, RIGHT))
    folder.write()
    run = prepared()
    assert run.code == 2 and "image id 1 stands for two files, p1.jpg and p1.png" in run.err


def test_answers_belong_to_their_questions_wherever_these_stand(folder, prepared, scored, ended, tmp_path):
    for number in range(8):
        folder.add(f"p{number}.png", number, (1, (4 + 6 * number, 10, 12)))
    folder.write()
    assert prepared().code == 0
    import pyarrow.parquet as pq

    from data.rows import read_samples

    rows = pq.read_table(tmp_path / "mine/rl/val").to_pylist()
    answers = tmp_path / "answers.jsonl"
    gold = [
        {"sample_id": row["extra_info"]["sample_id"], "rle": json.loads(row["reward_model"]["ground_truth"])["rle"]}
        for row in rows
    ]
    answers.write_text("".join(json.dumps(row) + "\n" for row in gold))
    meta = {"dataset": "mine", "split": "val", "data": read_samples(tmp_path, "mine", "val").digest()}
    (tmp_path / "answers.jsonl.meta.json").write_text(json.dumps(meta))
    assert g_iou(scored(f"predictions={answers}")) == 1.0
    assert prepared("dataset.source.seed=5", "force=true").code == 0
    assert [row["extra_info"]["sample_id"] for row in pq.read_table(tmp_path / "mine/rl/val").to_pylist()] != [
        row["sample_id"] for row in gold
    ]
    assert g_iou(scored(f"predictions={answers}")) == 1.0, "the same questions in another order"

    folder.annotations[0] |= {"bbox": [4, 10, 20, 20], "segmentation": [corners(4, 10, 20)], "area": 400}
    folder.add("p9.png", 9, (1, LEFT))
    folder.write()
    assert prepared("force=true").code == 0
    words = ("dataset=coco", "dataset.name=mine", f"data_root={tmp_path}", f"predictions={answers}", "boundary=null")
    refused = ended(run_main, "evaluate", *words)
    assert refused.code == 2 and refused.err.count("\n") == 1
    assert "another preparation of mine val" in refused.err and "8 of its 8 samples are asked here too" in refused.err
    assert scored(f"predictions={answers}", "only_matching=true")["samples"] == 8
