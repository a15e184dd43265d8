"""A table of the package `datasets`, opened from a disk or from the hub, its images left as the bytes they are.

Why: apart from `huggingface.py` because this is about finding and opening files alone.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from polygon import UserError

if TYPE_CHECKING:
    from datasets import Dataset


def open_table(path: str, part: str, subset: str | None = None, revision: str | None = None) -> "Dataset":
    """One split.  `part` is its name there or, below a local folder, a pattern of files ("data/val-*.parquet").

    Raises UserError for a dataset or split that cannot be had, and where the package is not installed.
    """
    try:
        import datasets  # 2 s, and needed by nobody else
    except ImportError as error:
        raise UserError("dataset.source.kind huggingface needs a package: pip install datasets") from error
    root = Path(path)
    try:
        if any((root / name).is_file() for name in ("dataset_dict.json", "state.json")):
            saved = datasets.load_from_disk(path)
            table = saved[part] if isinstance(saved, datasets.DatasetDict) else saved
        elif root.exists():
            table = datasets.Dataset.from_parquet([str(file) for file in _files(root, part)])
        else:
            table = datasets.load_dataset(path, subset, split=part, revision=revision)
    except UserError:
        raise
    except Exception as error:  # files, network, archive and table formats: each fails in its own way
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"cannot open {part!r} of {path}: {reason}") from error
    for name, feature in table.features.items():
        if isinstance(feature, datasets.Image):
            table = table.cast_column(name, datasets.Image(decode=False))
    return table


def _files(root: Path, part: str) -> list[Path]:
    if root.is_file():
        return [root]
    forms = ("{}",) if part.endswith(".parquet") else ("**/{}-*.parquet", "**/{}.parquet", "**/{}/*.parquet")
    patterns = [form.format(part) for form in forms]
    for pattern in patterns:
        if files := sorted(root.glob(pattern)):
            return files
    there = sorted({file.name for file in root.rglob("*.parquet")})
    raise UserError(f"{root} has no {' or '.join(patterns)}; its parquet files: {', '.join(there[:9]) or 'none'}")
