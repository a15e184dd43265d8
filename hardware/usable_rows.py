"""Training on prepared rows of which some have gone bad: one that cannot be used is skipped, counted and named.

Why: an image that was moved or damaged after `data.prepare` looked at it would end a run hours in, with the traceback
of a data loader. How: a mixin ahead of verl's dataset classes (sft/rows.py, rl/rows.py). The next usable row stands in,
so that the length, and with it steps, schedules and resumption, stay what they were.
"""

import logging
from collections.abc import Sequence

from polygon import UserError

PATIENCE = 16  # bad rows on end: then it is the dataset, or the code

_LOG = logging.getLogger(__name__)


class UsableRows:
    """`files`, which a subclass gives, is where the rows come from; `skipped` is row -> reason, of those met so far."""

    files: Sequence[str]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.skipped: dict[int, str] = {}
        self[0]  # where nothing can be used, it ends here and not in a process of the data loader

    def __getitem__(self, index: int):
        if not len(self):
            raise UserError(f"{self.files[0]} has no row left: raise data.max_prompt_length, or prepare more rows")
        for row in range(index, index + PATIENCE):
            try:
                return super().__getitem__(row % len(self))
            except Exception as error:  # PIL, verl and transformers raise whatever they like
                self._skip(row % len(self), error)
        on_end = f"{PATIENCE} rows on end cannot be used, {row % len(self)} last ({self.skipped[row % len(self)]})"
        raise UserError(f"{self.files[0]}: {on_end}; prepare the dataset again with force=true")

    def _skip(self, row: int, error: Exception) -> None:
        if row not in self.skipped:
            self.skipped[row] = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            _LOG.warning("%s: row %d skipped, %d so far: %s", self.files[0], row, len(self.skipped), self.skipped[row])
