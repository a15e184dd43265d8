"""`experiments.collect`: runs become a table and a plot; committed tables are what their runs give."""

import json
import re
import sys

import pytest

from experiments import collect
from experiments.collect import BEGIN, END, plots, replaced
from experiments.plot import svg
from experiments.runs import find_runs, read_runs, write_runs
from experiments.tables import block, control_of
from polygon import UserError


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
    assert "settings: experiment, runs, control, write, check" in run("rusn=3")
    assert "control=algo-ppo is none of the arms: algo-grpo, algo-gspo" in run("control=algo-ppo")


def test_a_control_is_compared_by_seed_and_stays_in_the_readme(sweep, make_run, tmp_path, monkeypatch, capsys):
    """Arms begin alike; one gains 0.02 more at seed 0, 0.04 less at seed 1, and has a seed that the control lacks."""
    (tmp_path / "experiments").mkdir()
    for seed, gain in ((0, 0.07), (1, 0.05), (2, 0.5)):
        make_run(sweep / f"narrow/seed{seed}", "clip-3e-4", seed, gain)
    monkeypatch.setattr(collect, "REPOSITORY", tmp_path)

    def run(*words: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["collect", "experiment=try", *words])
        collect.main()
        return capsys.readouterr().out.splitlines()

    expected = [
        "| held-out IoU after, less that of algo-gspo | seed 0 | seed 1 | mean |",
        "| --- | ---: | ---: | ---: |",
        "| algo-grpo | -0.070 | - | -0.070 |",
        "| clip-3e-4 | +0.020 | -0.040 | -0.010 ± 0.042 |",
    ]
    written = run(f"runs={sweep}", "control=algo-gspo", "write=true")
    assert [line for line in written if line in expected] == expected
    assert [line for line in run(f"runs={sweep}") if line in expected] == expected, "the control is told by the README"
    assert run(f"runs={sweep}", "check=true")
    assert not any("less that of" in line for line in run(f"runs={sweep / 'narrow'}")), "these runs have no such arm"


def test_a_readme_without_a_place_for_the_table_is_refused():
    with pytest.raises(UserError, match="has no lines <!-- made by"):
        replaced("# Mine\n", "table")


def test_committed_tables_are_what_their_runs_give(repo_root):
    files = sorted((repo_root / "experiments").glob("*/runs.jsonl"))
    assert files
    for file in files:
        runs, readme = read_runs(file), (file.parent / "README.md").read_text()
        assert block(runs, control_of(readme)) in readme
        for name, picture in plots(runs, readme).items():
            assert picture == (file.parent / name).read_text()
