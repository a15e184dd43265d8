"""The prepared rows of SFT: verl's dataset, without the rows that cannot be used. `conf/rows/parquet.yaml` names it."""

from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

from hardware.usable_rows import UsableRows


class UsableSftRows(UsableRows, MultiTurnSFTDataset):
    """Images are decoded here, so every unusable one is met here."""

    @property
    def files(self) -> list[str]:
        return self.parquet_files
