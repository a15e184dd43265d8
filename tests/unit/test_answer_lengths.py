"""`rl.answer_lengths`: a run in whose answers the right ones do not fit is refused, with a length that does."""

import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig

from data.rows import read_samples
from polygon import Codec, UserError
from rl.answer_lengths import LOOKED_AT, check_answer_lengths
from rl.preflight import broken_rules

REFUSED = r"^data\.max_response_length=\d+: (\d+) of the first (\d+) right answers are longer .* set \S+=(\d+), which"


@pytest.fixture
def run(composed: Callable[..., DictConfig], data_root: Path, repo_root: Path) -> Callable[..., DictConfig]:
    def run(*overrides: str) -> DictConfig:
        model = repo_root / "models/tiny_qwen3_vl_sft"
        return composed("rl", f"data_root={data_root}", f"vlm.path={model}", *overrides)

    return run


def refusal(config: DictConfig) -> list[int]:
    """How many are too long, of how many, and the length of the longest."""
    with pytest.raises(UserError, match=REFUSED) as refused:
        check_answer_lengths(config)
    return [int(number) for number in re.search(REFUSED, str(refused.value)).groups()]


def test_a_length_that_cuts_right_answers_is_refused(run, data_root, repo_root):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(repo_root / "models/tiny_qwen3_vl_sft")
    masks = [sample.target().mask for sample in read_samples(data_root, "shapes", "train")]
    for codec in ("codec=coarse", "codec.integers=true", "codec.epsilon=0.002"):
        config = run("data.max_response_length=3", codec)
        longest = max(len(tokenizer(Codec.from_config(config.codec).text(mask)).input_ids) for mask in masks)
        assert refusal(config) == [len(masks), len(masks), longest]
        check_answer_lengths(run(f"data.max_response_length={longest}", codec))
        refusal(run(f"data.max_response_length={longest - 1}", codec))


def test_whole_numbers_take_the_tiny_model_more_than_its_answers_have(composed, run):
    """What the recipe `precision` met: its tokenizer has a token for `0.12` and none for `120`."""
    check_answer_lengths(run())
    assert run("experiment=precision").data.max_response_length > run().data.max_response_length
    gpu = composed("rl", "experiment=precision", "vlm=qwen2_5_vl_7b", "hardware=gpu8")
    assert gpu.data.max_response_length == gpu.vlm.max_response_length


def test_who_knows_it_may_go_on(run):
    config = run("data.max_response_length=3", "waive=[data.max_response_length]")
    assert not [fault for fault in broken_rules(config) if fault.startswith("waive")]
    check_answer_lengths(config)


def test_rows_that_say_nothing(run, tmp_path):
    """Boxes are short, and targets that cannot be read are the data loader's to count."""
    box = '{"kind": "box", "task": "text2box", "height": 9, "width": 9, "rle": null, "box": [0, 0, 1, 1]}'
    torn = box.replace('"box", "task"', '"mask", "task"').replace("null", '{"size": [9, 9], "counts": "~"}')
    targets = [{"ground_truth": text} for text in (box, torn, "{", "[]", None)] + [None]
    pq.write_table(pa.table({"reward_model": targets * LOOKED_AT}), tmp_path / "rows.parquet")
    check_answer_lengths(run("data.max_response_length=3", f"data.train_files={tmp_path}/rows.parquet"))
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    for file in ("torn", "nothing"):
        with pytest.raises(UserError, match=r"^data\.train_files: "):
            check_answer_lengths(run(f"data.train_files={tmp_path}/{file}.parquet"))
