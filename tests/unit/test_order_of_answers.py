"""`experiments.order`: which way answers run, and on which side they begin."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from experiments.order.__main__ import main
from polygon import Target, rle_encode

TARGET = Target("mask", "text2mask", 10, 10, rle_encode(np.eye(10, dtype=bool)), None).to_json()
# A diamond; y points down, so top, right, bottom, left is clockwise.
TOP, RIGHT, BOTTOM, LEFT = [0.5, 0.1], [0.9, 0.5], [0.5, 0.9], [0.1, 0.5]


def write(folder: Path, step: int, answers: list[str]) -> None:
    (folder / "answers").mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"codec": {"precision": 2}}))
    rows = (json.dumps({"output": text, "gts": TARGET}) + "\n" for text in answers)
    (folder / f"answers/{step}.jsonl").write_text("".join(rows))


def test_shares_of_the_first_rings(tmp_path, monkeypatch, capsys):
    around, back = [TOP, RIGHT, BOTTOM, LEFT], [LEFT, BOTTOM, RIGHT, TOP]
    small = [[0.2, 0.2], [0.2, 0.3], [0.3, 0.3]]
    write(tmp_path / "arm/seed0", 30, [json.dumps([around]), json.dumps([back, small]), "no", "[]"])
    turned = [around[start:] + around[:start] for start in range(4)]
    write(tmp_path / "arm/seed0", 4, [json.dumps([ring]) for ring in turned])
    write(tmp_path / "arm/seed1", 0, ["no"])
    monkeypatch.setattr(sys, "argv", ["order", str(tmp_path)])
    main()
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| arm/seed0 | 4 | 1.00 | 0.25 | 0.25 | 0.25 | 0.25 |",
        "| arm/seed0 | 30 | 0.50 | 0.00 | 0.00 | 0.50 | 0.50 |",
        "| arm/seed1 | 0 | - | - | - | - | - |",
    ]


def test_a_folder_without_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["order", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "holds no run with held-out answers" in capsys.readouterr().err
