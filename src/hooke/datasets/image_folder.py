"""A user's own folder of plate images: RxRx, Phenix, OME-TIFF, OME-Zarr, npz, or any names through a pattern."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.how import QUIET, How
from hooke.images.reading.options import FolderOptions

if TYPE_CHECKING:
    from hooke.images.store import ImageStore

CARD = Card(
    name="image_folder",
    title="Your own folder of plate images",
    description=(
        "TIFF, PNG, JPEG 2000, OME-TIFF, OME-Zarr plates, npz or Parquet, 8 or 16 bit, any channels and field size, with a "
        "table of wells. layout=auto finds out how files are named; layout=pattern pattern=... reads any names."
    ),
    modality="images",
    source="a folder of yours",
    licence="yours",
    citation="",
    size="as large as your disk",
    levels=("field",),
    split="by a column of the table, or by experiment",
)


@dataclass(frozen=True)
class Config(FolderOptions):
    """Which folder and how it is read; see `FolderOptions`."""


class Dataset(datasets.Dataset[Config]):
    """The folder as a store."""

    def prepare(self, folder: Path, how: How = How()) -> ImageStore:
        """Read the images into a store below `folder`, or open it if these files with these options are there already.

        Raises:
            UsageError: No folder is named.
            DataError: Fields cannot be used; the message names their wells.
        """
        from hooke.images.reading.ingest import prepare_folder

        return prepare_folder(self.config, folder, how, name=CARD.name)

    def twin(self, folder: Path, seed: int = 0) -> ImageStore:
        """Simulated fields as npz files with a table of wells, read like any other folder."""
        from hooke.images.reading.ingest import prepare_folder
        from hooke.images.simulated.config import ScreenConfig
        from hooke.images.simulated.files import write_npz
        from hooke.images.simulated.screen import Screen

        screen = Screen(
            ScreenConfig(
                seed=seed, size=48, modules=2, genes_per_module=2, lone_genes=1, inactive_genes=1, guides=1, compounds=2,
                experiments=2, controls=2, sites=1,
            )
        )  # fmt: skip
        files = Path(folder) / f"twin-{seed}"
        options = FolderOptions(path=str(files / "images"), metadata=str(write_npz(files, screen)), layout="npz")
        source = {"simulated": True, "data_set": CARD.name}
        return prepare_folder(options, folder, QUIET, name=CARD.name, source=source)
