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
    codec = Codec.from_config(config.codec)
    texts = [codec.text(target.mask) for target in first_targets(config) if target.kind == "mask"]
    count = token_counter(config.vlm.path, trust_remote_code=config.vlm.trust_remote_code)
    lengths, limit = [count(text) for text in texts], config.data.max_response_length
    if (cut := sum(length > limit for length in lengths)) > TOO_MANY * len(lengths):
        raise UserError(
            f"{ANSWER_LENGTH}={limit}: {cut} of the first {len(lengths)} right answers are longer and would be cut; "
            f"set {ANSWER_LENGTH}={max(lengths)}, which is the longest, or another codec, "
            f"or waive=[{ANSWER_LENGTH}]"
        )


def first_targets(config: DictConfig) -> list[Target]:
    """Of the first rows to train on; rows without a readable one are left to the data loader, which counts them."""
    files = sorted(path for key, place in dataset_files(config) if key == "data.train_files" for path in glob(place))
    found = []
    try:
        rows = next(pq.ParquetFile(files[0]).iter_batches(LOOKED_AT, columns=["reward_model"]), None)
    except (pa.ArrowInvalid, OSError, IndexError) as error:
        raise UserError(f"data.train_files: {files[0] if files else 'none'} is no parquet file: {error}") from None
    for row in rows.to_pylist() if rows else []:
        try:
            found.append(Target.from_json(row["reward_model"]["ground_truth"]))
        except (UserError, TypeError, KeyError):
            continue
    return found
