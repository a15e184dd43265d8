"""Reading a prepared dataset back: what cannot be used is skipped, counted and named."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.image_reference import reference
from data.parquet import schema, write_parquet
from data.rows import read_samples
from data.sample import encode_png, rl_row
from data.shapes import Shapes
from polygon import UserError


@pytest.fixture
def rows() -> list[dict]:
    return [rl_row(Shapes().sample("val", index, "text2mask"), "Outline it.", index) for index in range(6)]


def write(root: Path, rows: list[dict]) -> Path:
    path = root / "shapes/rl/val.parquet"
    write_parquet(path, "rl", rows)
    return path


def write_shards(root: Path, rows: list[dict], images: str = "embedded") -> Path:
    """Two rows a shard."""
    folder = root / "shapes/rl/val"
    for number in range(len(rows) // 2):
        path = folder / f"{number:05d}-of-{len(rows) // 2:05d}.parquet"
        write_parquet(path, "rl", rows[2 * number : 2 * number + 2], images)
    return folder


def test_samples_come_back_as_they_were_made(tmp_path, rows):
    write(tmp_path, rows)
    reader = read_samples(tmp_path, "shapes", "val")
    for _ in range(2):
        for index, sample in enumerate(reader):
            made = Shapes().sample("val", index, "text2mask")
            assert (sample.sample_id, sample.expression, sample.index) == (made.sample_id, made.expression, index)
            assert sample.target() == made.target()
            assert np.array_equal(sample.pixels(), made.image)
            assert sample.prompt == "<image>Outline it."
        assert index == 5
        assert reader.skipped == []


def test_unusable_rows_are_skipped_counted_and_named(tmp_path, rows, caplog):
    rows[0]["images"] = [{"bytes": b"no image"}]
    rows[1]["images"] = []
    rows[2]["reward_model"]["ground_truth"] = "{}"
    rows[3]["prompt"] = None
    rows[4]["images"] = [{"bytes": encode_png(np.zeros((8, 9, 3), np.uint8))}]
    path = write(tmp_path, rows)
    with caplog.at_level(logging.WARNING):
        reader = read_samples(tmp_path, "shapes", "val")
        assert [sample.index for sample in reader] == [5]
    assert [row for row, _ in reader.skipped] == [0, 1, 2, 3, 4]
    for (_, reason), expected in zip(
        reader.skipped, ("do not decode", "no image", "target has no field", "'prompt'", "8 x 9 px"), strict=True
    ):
        assert expected in reason
    assert f"{path}: row 3 skipped: column 'prompt' is missing" in caplog.text
    assert f"{path}: 5 of 6 rows skipped" in caplog.text


def test_a_file_without_a_usable_row_is_an_error(tmp_path, rows):
    path = write(tmp_path, rows)
    pq.write_table(pq.read_table(path).drop_columns(["reward_model"]), path)
    reader = read_samples(tmp_path, "shapes", "val")
    with pytest.raises(UserError, match="holds no usable row; prepare it again with force=true"):
        list(reader)
    assert reader.skipped[5] == (5, "column 'reward_model' is missing")


def test_shards_are_read_in_order_as_one(tmp_path, rows):
    rows[3]["prompt"] = None
    folder = write_shards(tmp_path, rows)
    reader = read_samples(tmp_path, "shapes", "val")
    assert [sample.index for sample in reader] == [0, 1, 2, 4, 5]
    assert [row for row, _ in reader.skipped] == [3]
    assert (reader.path, reader.n_rows) == (folder, 6)
    before = reader.digest()
    write_shards(tmp_path, rows[::-1])
    assert read_samples(tmp_path, "shapes", "val").digest() == before, "the order of rows is no part of it"
    rows[0]["extra_info"]["sample_id"] += "2"
    write_shards(tmp_path, rows)
    assert read_samples(tmp_path, "shapes", "val").digest() != before


def test_referenced_images_are_read_where_they_lie(tmp_path, rows):
    for row in rows:
        (tmp_path / f"{row['extra_info']['index']}.png").write_bytes(row["images"][0]["bytes"])
        row["images"] = [{"image": reference(str(tmp_path / f"{row['extra_info']['index']}.png"))}]
    rows[0]["images"] = [{"image": reference(encode_png(Shapes().sample("val", 0, "text2mask").image))}]
    (tmp_path / "2.png").unlink()
    (tmp_path / "4.png").write_bytes(b"no image")
    rows[5]["images"] = [{"image": rows[0]["images"][0]["image"][:-3]}]
    write_shards(tmp_path, rows, "referenced")
    reader = read_samples(tmp_path, "shapes", "val")
    for sample in reader:
        assert np.array_equal(sample.pixels(), Shapes().sample("val", sample.index, "text2mask").image)
    reasons = dict(reader.skipped)
    assert reasons.keys() == {2, 4, 5}
    assert f"cannot read image {tmp_path}/2.png: No such file" in reasons[2]
    assert "do not decode" in reasons[4]


def test_a_missing_or_damaged_shard_is_an_error(tmp_path, rows):
    folder = write_shards(tmp_path, rows)
    shard = folder / "00001-of-00003.parquet"
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"00001-of-00003\.parquet is no readable parquet file; prepare it again"):
        list(read_samples(tmp_path, "shapes", "val"))
    shard.unlink()
    with pytest.raises(UserError, match=r"shard 00001-of-00003\.parquet is missing; prepare the dataset again"):
        read_samples(tmp_path, "shapes", "val")


def test_a_damaged_file_is_an_error(tmp_path, rows):
    path = write(tmp_path, rows)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="is no readable parquet file; prepare it again with force=true"):
        list(read_samples(tmp_path, "shapes", "val"))


def test_an_unprepared_dataset_names_the_command(tmp_path, rows):
    with pytest.raises(UserError, match=r"run python -m data\.prepare dataset=shapes_hard$"):
        read_samples("outputs/data", "shapes_hard", "nowhere")
    with pytest.raises(UserError, match=rf"run python -m data\.prepare dataset=shapes data_root={tmp_path}$"):
        read_samples(tmp_path, "shapes", "val")
    write(tmp_path, rows)
    with pytest.raises(UserError, match=r"has no split 'dev'; it has val$"):
        read_samples(tmp_path, "shapes", "dev")


def test_memory_stays_flat_while_writing(tmp_path, rows):
    """Rows are pulled in groups, never all at once."""
    alive = []

    def produce():
        for _ in range(1000):
            alive.append(pa.total_allocated_bytes())
            yield rows[0]

    before = pa.total_allocated_bytes()
    assert write_parquet(tmp_path / "big.parquet", "rl", produce())["rows"] == 1000
    assert max(alive) - before < 8_000_000
    assert pq.ParquetFile(tmp_path / "big.parquet").num_row_groups == 4
    assert pq.read_schema(tmp_path / "big.parquet").equals(schema("rl"))
