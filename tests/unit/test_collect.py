"""`experiments.collect`: run folders and wandb's offline files become a table; committed tables are what it makes."""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import wandb
import yaml
from pycocotools import mask as coco
from wandb.proto.wandb_internal_pb2 import Record

from experiments import collect
from experiments.collect import BEGIN, END, block, plots, replaced
from experiments.held_out import CEILING, CIOU
from experiments.plot import svg
from experiments.runs import find_runs, read_runs, write_runs
from experiments.wandb_file import records
from polygon import Codec, Target, UserError, rle_encode

START = {
    "command": "python -m rl.train",
    "commit": "abc123",
    "machine": {"cores": 2, "processor": "Some CPU", "gpus": []},
}
ASKED = {"actor_rollout_ref": {"rollout": {"val_kwargs": {"do_sample": True, "temperature": 1, "n": 4}}}}
HELD_OUT = "val-aux/shapes/reward/iou/mean@1"


def metrics(gain: float, steps: int = 40) -> list[dict]:
    rows = [{"step": 0, "data": {HELD_OUT: 0.5}}]
    for step in range(1, steps + 1):
        data = {"reward/iou": 0.4 + gain * step / steps, "timing_s/step": 9.0, "actor/lr": 1.0}
        data["response_length/mean"] = 20.0
        rows.append({"step": step, "data": data | ({HELD_OUT: 0.5 + gain} if step == steps else {})})
    return rows


def make_run(folder: Path, arm: str, seed: int, gain: float, *, finished: bool = True, steps: int = 40) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"name": "try", "arm": arm, "seed": seed} | ASKED))
    record = {"starts": [START], "finished": {"seconds": 90.0} if finished else None}
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics(gain, steps)))
    return folder


@pytest.fixture
def sweep(tmp_path) -> Path:
    for seed, gain in enumerate((0.05, 0.09)):
        make_run(tmp_path / f"sweep/algo-gspo/seed{seed}", "algo-gspo", seed, gain)
    make_run(tmp_path / "sweep/algo-grpo/seed0", "algo-grpo", 0, -0.02, finished=False, steps=12)
    return tmp_path / "sweep"


def test_table_of_a_sweep(sweep):
    lines = block(find_runs(sweep)).splitlines()
    assert lines[0].startswith(
        "| arm | seeds | steps | held-out IoU before | after | change | cIoU after | codec's ceiling |"
    )
    grpo, gspo = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:4])
    assert gspo[:6] == ["algo-gspo", "0, 1", "40", "0.500 ± 0.000", "0.570 ± 0.028", "+0.070 ± 0.028"]
    # of 40 equal stairs the mean of the last ten less that of the first: 30 fortieths of the gain
    assert gspo[6:9] == ["-", "-", "+0.052 ± 0.021"]
    assert grpo[:6] == ["algo-grpo", "0", "12", "0.500", "0.480", "-0.020"]
    assert lines[5:] == [
        "Held-out answers: 4 at temperature 1.",
        "Commits: abc123.",
        "Machine: 2 cores, Some CPU.",
        "Wall time: 3 minutes in all.",
        "Not finished: algo-grpo, seed 0.",
    ]


def test_several_held_out_datasets(sweep):
    """Boxes and points have measures of their own and no part in the mean of masks."""
    for folder in (sweep / "algo-gspo/seed0", sweep / "algo-gspo/seed1"):
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for step, iou, box_iou in ((0, 0.3, 0.6), (40, 0.4, 0.65)):
            rows[step]["data"]["val-aux/points/reward/iou/mean@1"] = iou
            rows[step]["data"]["val-aux/boxes/reward/box_iou/mean@1"] = box_iou
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    runs = find_runs(sweep / "algo-gspo")
    assert runs[0].held_out_iou == {0: pytest.approx(0.4), 40: pytest.approx((0.55 + 0.4) / 2)}
    table = block(runs).split("\n\n")[1].splitlines()
    assert table[0] == "| arm | held-out dataset | measure | before | after | change |"
    assert table[2:] == [
        "| algo-gspo | boxes | box_iou | 0.600 ± 0.000 | 0.650 ± 0.000 | +0.050 ± 0.000 |",
        "| algo-gspo | points | iou | 0.300 ± 0.000 | 0.400 ± 0.000 | +0.100 ± 0.000 |",
        "| algo-gspo | shapes | iou | 0.500 ± 0.000 | 0.570 ± 0.028 | +0.070 ± 0.028 |",
    ]


def test_what_is_written_gives_the_same_table_and_plot(sweep, tmp_path):
    runs = find_runs(sweep)
    write_runs(tmp_path / "runs.jsonl", runs)
    again = read_runs(tmp_path / "runs.jsonl")
    assert again == runs
    assert block(again) == block(runs)
    plot = svg(again, "reward/iou", "training IoU")
    assert plot == svg(runs, "reward/iou", "training IoU")
    assert len(re.findall("<polyline", plot)) == 2 and "algo-gspo (2 seeds)" in plot
    assert "actor/lr" not in again[0].curves


CODEC = {"epsilon": 0.01, "precision": 2}
SQUARE, HALF, TRIANGLE = (
    "[[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]]",
    "[[[0.25, 0.25], [0.50, 0.25], [0.50, 0.75], [0.25, 0.75]]]",
    "[[[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]]]",
)


def disc(radius: int) -> np.ndarray:
    rows, columns = np.ogrid[:100, :100]
    return (rows - 50) ** 2 + (columns - 50) ** 2 < radius**2


def answer(text: str, mask_HW: np.ndarray) -> str:
    target = Target("mask", "text2mask", 100, 100, rle_encode(mask_HW), None)
    return json.dumps({"output": text, "gts": target.to_json(), "score": 1.0}) + "\n"


def test_ciou_and_ceiling_of_held_out_answers(sweep):
    """Areas as pycocotools counts them: of masks as run lengths, which our rasteriser has no part in."""
    codec = Codec.from_config(CODEC)
    masks = (codec.rasterise(codec.parse(text, "mask").region, 100, 100) for text in (SQUARE, HALF, TRIANGLE))
    square, half, triangle = masks
    before, after = [(HALF, square), ("no", disc(20)), (TRIANGLE, disc(30))], [(SQUARE, square), (SQUARE, disc(20))]
    folder = sweep / "algo-grpo/seed0"
    (folder / "answers").mkdir()
    for step, rows in ((0, before), (12, after)):
        (folder / f"answers/{step}.jsonl").write_text("".join(answer(*row) for row in rows))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"codec": CODEC}))

    def areas(*pairs) -> float:
        both = [[coco.encode(np.asfortranarray(mask, np.uint8)) for mask in pair] for pair in pairs]
        shared = sum(int(coco.area(coco.merge(pair, intersect=True))) for pair in both)
        return shared / sum(int(coco.area(coco.merge(pair))) for pair in both)

    run = find_runs(sweep)[0]
    nothing = np.zeros((100, 100), bool)
    assert run.curves[CIOU] == {
        0: pytest.approx(areas((half, square), (nothing, disc(20)), (triangle, disc(30))), rel=1e-4),
        12: pytest.approx(areas((square, square), (square, disc(20))), rel=1e-4),
    }
    assert 0.9 < run.curves[CEILING][0] < run.curves[CEILING][12] < 1
    assert f"| {run.curves[CIOU][12]:.3f} | {run.curves[CEILING][0]:.3f} |" in block([run])

    shown = plots([run], "![](tokens.svg)")
    assert shown.keys() == {"curves.svg", "tokens.svg"} and shown["tokens.svg"].count("<circle") == 1
    (folder / "answers/12.jsonl").write_text("{")
    with pytest.raises(UserError, match=r"12.jsonl:1: not an answer"):
        find_runs(sweep)


def test_a_run_that_was_resumed_has_one_curve(tmp_path):
    folder = make_run(tmp_path / "run", "default", 0, 0.1, steps=20)
    rows = metrics(0.1)[16:]
    (folder / "metrics.jsonl").rename(folder / "metrics.1.jsonl")
    rows[0]["data"]["reward/iou"] = 0.9
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run,) = find_runs(tmp_path)
    assert sorted(run.curves["reward/iou"]) == [*range(1, 41)]
    assert run.curves["reward/iou"][16] == 0.9, "the later start's"
    assert run.steps == 40


def ended(file: Path) -> bool:
    *_, last = ["none", *(Record.FromString(data).WhichOneof("record_type") for data in records(file.read_bytes()))]
    return last == "exit"


def test_offline_files_of_wandb(tmp_path):
    """Written by wandb itself, with a record longer than a block; a torn end costs only its own rows."""
    config = {"name": "try", "arm": "algo-gspo", "seed": 3, "provenance": START, "long": "x" * 100_000}
    with wandb.init(mode="offline", dir=tmp_path, config=config, settings=wandb.Settings(silent=True)) as run:
        for row in metrics(0.1):
            run.log(row["data"], step=row["step"])
    (file,) = tmp_path.rglob("run-*.wandb")
    deadline = time.monotonic() + 60
    while not ended(file) and time.monotonic() < deadline:
        time.sleep(0.05)  # wandb's own process writes a little after the run has ended
    (found,) = find_runs(tmp_path)
    assert (found.arm, found.seed, found.commit, found.steps) == ("algo-gspo", 3, "abc123", 40)
    assert found.curves["reward/iou"] == {step: pytest.approx(0.4 + 0.1 * step / 40) for step in range(1, 41)}
    assert found.curves[HELD_OUT] == {0: 0.5, 40: 0.6}

    whole = file.read_bytes()
    torn = [*records(whole[:-200])]
    assert torn == [*records(whole)][: len(torn)]
    file.write_bytes(whole[:-3000])
    (found,) = find_runs(tmp_path)
    assert 0 < found.steps <= 40
    file.write_bytes(whole[:5000])
    with pytest.raises(UserError, match="ends before its configuration"):
        find_runs(tmp_path)
    file.write_bytes(b"PK\x03\x04" + whole)
    with pytest.raises(UserError, match="no offline file of wandb"):
        find_runs(tmp_path)


def test_retraining_is_no_run_and_several_folders_are(sweep, tmp_path):
    """An arm's SFT run lies beside its GSPO runs; a control may be another experiment's."""
    sft = make_run(sweep / "sft/algo-grpo", "algo-grpo", 0, 0.3)
    (sft / "config.yaml").write_text(yaml.safe_dump({"name": "try", "arm": "algo-grpo", "seed": 0}))
    control = make_run(tmp_path / "other/control/seed0", "control", 0, 0.1)
    runs = find_runs(sweep, control)
    assert [(run.arm, run.seed) for run in runs] == [
        ("algo-grpo", 0),
        ("algo-gspo", 0),
        ("algo-gspo", 1),
        ("control", 0),
    ]
    assert runs[0].steps == 12
    with pytest.raises(UserError, match="two runs of arm control, seed 0"):
        find_runs(sweep, control, control)


def test_runs_that_were_written_before_are_joined_by_new_ones(sweep, tmp_path):
    runs = find_runs(sweep)
    write_runs(tmp_path / "runs.jsonl", runs)
    new = make_run(tmp_path / "new/algo-gspo/seed2", "algo-gspo", 2, 0.1)
    assert find_runs(tmp_path / "runs.jsonl", new) == [*runs, *find_runs(new)]
    for other in ('{"arm": "algo-gspo"}', "[1]", "{"):
        (tmp_path / "runs.jsonl").write_text(other)
        with pytest.raises(UserError, match=r"runs.jsonl is no runs.jsonl of experiments.collect"):
            find_runs(tmp_path / "runs.jsonl")


def test_two_runs_of_one_arm_and_seed_are_refused(sweep):
    make_run(sweep / "again", "algo-gspo", 1, 0.3)
    with pytest.raises(UserError, match="two runs of arm algo-gspo, seed 1"):
        find_runs(sweep)


def test_command(sweep, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(collect, "REPOSITORY", tmp_path)
    (tmp_path / "experiments/try").mkdir(parents=True)
    readme = tmp_path / "experiments/try/README.md"
    readme.write_text(f"# Which?\n\n{BEGIN}\nold\n{END}\n\n**Conclusion.** None.\n")

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["collect", "experiment=try", f"runs={sweep}", *words])
        try:
            collect.main()
        except SystemExit as ended:
            assert ended.code == 2
        return capsys.readouterr().err

    assert "README.md says something else" in run("check=true")
    assert not run("write=true")
    assert not run(f"runs=[{sweep}]", "check=true")
    text = readme.read_text()
    assert "old" not in text and "| algo-gspo | 0, 1 |" in text and text.endswith("**Conclusion.** None.\n")
    assert not run("check=true")
    assert "no run" in run("runs=/nowhere")
    assert "settings: experiment, runs, write, check" in run("rusn=3")


def test_a_readme_without_a_place_for_the_table_is_refused():
    with pytest.raises(UserError, match="has no lines <!-- made by"):
        replaced("# Mine\n", "table")


def test_committed_tables_are_what_their_runs_give(repo_root):
    files = sorted((repo_root / "experiments").glob("*/runs.jsonl"))
    assert files
    for file in files:
        runs, readme = read_runs(file), (file.parent / "README.md").read_text()
        assert block(runs) in readme
        for name, picture in plots(runs, readme).items():
            assert picture == (file.parent / name).read_text()
