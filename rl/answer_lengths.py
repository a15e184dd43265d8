"""Right answers that do not fit into an answer: cut off, they earn little, and no metric says why.

How: the masks among the first rows to train on, written by the run's codec, in tokens of its model.
"""

from glob import glob

import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import DictConfig

from evaluation.oracle import token_counter
from hardware.checks import dataset_files
from polygon import Codec, Target, UserError
from rl.rules import ANSWER_LENGTH

LOOKED_AT = 256  # rows
TOO_MANY = 0.05  # of the answers: codecs have long tails


def check_answer_lengths(config: DictConfig) -> None:
    """Raise UserError where more than TOO_MANY of the right answers do not fit, and the key is not waived."""
    if ANSWER_LENGTH in config.waive:
        return
    count = token_counter(config.vlm.path, trust_remote_code=config.vlm.trust_remote_code)
    lengths, limit = [count(text) for text in right_answers(config)], config.data.max_response_length
    if (cut := sum(length > limit for length in lengths)) > TOO_MANY * len(lengths):
        raise UserError(
            f"{ANSWER_LENGTH}={limit}: {cut} of the first {len(lengths)} right answers are longer and would be cut; "
            f"set {ANSWER_LENGTH}={max(lengths)}, which is the longest, or another codec, or waive=[{ANSWER_LENGTH}]"
        )


def right_answers(config: DictConfig) -> list[str]:
    """To the first rows to train on that ask for a mask; rows that cannot be read are the data loader's to count."""
    files = sorted(path for key, place in dataset_files(config) if key == "data.train_files" for path in glob(place))
    try:
        rows = next(pq.ParquetFile(files[0]).iter_batches(LOOKED_AT, columns=["reward_model"]), None)
    except (pa.ArrowInvalid, OSError, IndexError) as error:
        raise UserError(f"data.train_files: {files[0] if files else 'none'} is no parquet file: {error}") from None
    codec, found = Codec.from_config(config.codec), []
    for row in rows.to_pylist() if rows else []:
        try:
            target = Target.from_json(row["reward_model"]["ground_truth"])
            if target.kind == "mask":
                found.append(codec.text(target.mask))
        except (UserError, TypeError, KeyError):
            continue
    return found
