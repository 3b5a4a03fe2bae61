"""RxRx3: CRISPR knock-outs of 17,063 genes and 1,674 compounds at 8 doses in HUVEC, six channels of 16 bit.

Source: Fay et al. 2023; github.com/recursionpharma/rxrx-datasets, rxrx3/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.errors import UsageError
from hooke.core.how import QUIET, How
from hooke.images.reading.options import FolderOptions

if TYPE_CHECKING:
    from hooke.images.store import ImageStore

CARD = Card(
    name="rxrx3",
    title="RxRx3: 17,063 gene knock-outs and 1,674 compounds in HUVEC",
    description=(
        "2.2 million wells, one field each of 2048 x 2048 pixels, 6 channels of 16 bit. path= is a folder with images/ and "
        "metadata.csv, of all or of some experiments. downsample=2 or 4 keeps the store small."
    ),
    modality="images",
    source="rxrx.ai/rxrx3; layout and columns from github.com/recursionpharma/rxrx-datasets (rxrx3/README.md)",
    licence="Recursion Non-Commercial End User License Agreement",
    citation="rxrx3",
    size="2.2 million fields, about 83 TB",
    levels=("field",),
    split="none is published",
    notes="16,328 genes are anonymised. Download it by experiment and plate. The offline twin is simulated.",
)


@dataclass(frozen=True)
class Config(FolderOptions):
    """Where the unpacked archive lies (`path`), and how it is read; `metadata` defaults to its metadata.csv."""


class Dataset(datasets.Dataset[Config]):
    """RxRx3, or some of its plates, as a store."""

    def files(self, how: How = How()) -> list[Path]:
        """Not downloaded by Hooke: raises with where to get them."""
        raise UsageError(
            f"download RxRx3 from {CARD.source.split(';')[0]}, unpack some plates, and give path=FOLDER to prepare"
        )

    def prepare(self, folder: Path, how: How = How()) -> ImageStore:
        """Read the unpacked plates into a store below `folder`, or open it if it is already there.

        Rows of the table without images are those of the plates that were not downloaded; they are left out of the table.
        """
        return self._read(self.config, folder, {"data_set": CARD.name}, how)

    def twin(self, folder: Path, seed: int = 0) -> ImageStore:
        """A simulated screen in the files, names and columns of RxRx3."""
        from hooke.images.simulated.config import ScreenConfig
        from hooke.images.simulated.files import write_rxrx3
        from hooke.images.simulated.screen import Screen

        screen = Screen(
            ScreenConfig(
                "rxrx1", seed=seed, size=48, modules=2, genes_per_module=2, lone_genes=1, inactive_genes=0, guides=2,
                compounds=0, experiments=5, controls=2, sites=1,
            )
        )  # fmt: skip
        files = Path(folder) / f"twin-{seed}"
        write_rxrx3(files, screen)
        source = {"data_set": CARD.name, "simulated": True}
        return self._read(Config(path=str(files)), folder, source, QUIET)

    def _read(self, config: Config, folder: Path, source: dict[str, object], how: How) -> ImageStore:
        from hooke.images.reading.ingest import prepare_folder
        from hooke.images.reading.layouts import index_folder
        from hooke.images.reading.published import RXRX_CHANNELS, rxrx3_metadata

        if not config.path:
            raise UsageError("name the folder of the unpacked RxRx3 plates: path=FOLDER")
        config = replace(config, layout="rxrx" if config.layout == "auto" else config.layout)
        table = rxrx3_metadata(Path(config.metadata or f"{config.path}/metadata.csv"))
        present = index_folder(Path(config.path), config.layout, pattern=config.pattern, z=config.z).sites
        table = table.join(present.select("experiment", "plate").unique(), on=["experiment", "plate"], how="semi")
        if not config.channels:
            config = replace(config, channels=tuple("123456"), channel_names=RXRX_CHANNELS)
        return prepare_folder(config, folder, how, name=CARD.name, metadata=table, source=source)
