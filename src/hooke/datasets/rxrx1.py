"""RxRx1: siRNA knock-downs in four cell types, 51 experiments, six channels of 8 bit.

Source: Sypetkowski et al. 2023 (arXiv 2301.05768); github.com/recursionpharma/rxrx-datasets, rxrx1/README.md.
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

TWIN_CLASSES = 6
CARD = Card(
    name="rxrx1",
    title="RxRx1: 1,138 siRNAs in four cell types across 51 experiments",
    description=(
        "125,510 fields of 512 x 512 pixels, 6 channels of 8 bit, two fields a well. path= is the folder with images/ and "
        "metadata.csv. The column `split` holds the split of the WILDS task; each siRNA and the empty wells are classes."
    ),
    modality="images",
    source="rxrx.ai/rxrx1; layout and columns from github.com/recursionpharma/rxrx-datasets (rxrx1/README.md)",
    licence="CC BY-NC-SA 4.0: a model trained on it should carry the non-commercial term",
    citation="rxrx1",
    size="125,510 fields, 47 GB",
    levels=("field",),
    split=(
        "WILDS: 33 experiments to train (site 1), their site 2 as test within the distribution, 4 to validate, 14 to test; "
        "where the table does not say which 4, the first test experiment of each cell type"
    ),
    notes=(
        f"The offline twin is simulated and has {TWIN_CLASSES} classes of its own, not 1,139. Channels w1 to w6 are called "
        "DNA, ER, Actin, RNA, Mito, Golgi after their stains. Download the archives from rxrx.ai, which asks for its terms."
    ),
)


@dataclass(frozen=True)
class Config(FolderOptions):
    """Where the unpacked archive lies (`path`), and how it is read; `metadata` defaults to its metadata.csv."""


class Dataset(datasets.Dataset[Config]):
    """RxRx1 as a store."""

    def files(self, how: How = How()) -> list[Path]:
        """Not downloaded by Hooke: raises with where to get them."""
        raise UsageError(f"download RxRx1 from {CARD.source.split(';')[0]}, unpack it, and give path=FOLDER to prepare")

    def prepare(self, folder: Path, how: How = How()) -> ImageStore:
        """Read the unpacked archive into a store below `folder`, or open it if it is already there."""
        return self._read(self.config, folder, {"data_set": CARD.name}, how)

    def twin(self, folder: Path, seed: int = 0) -> ImageStore:
        """A simulated screen in the files, names and columns of RxRx1: three experiments of each of the four cell types."""
        from hooke.images.simulated.config import ScreenConfig
        from hooke.images.simulated.files import write_rxrx1
        from hooke.images.simulated.screen import Screen

        screen = Screen(
            ScreenConfig(
                "rxrx1", seed=seed, size=48, modules=2, genes_per_module=2, lone_genes=1, inactive_genes=0, guides=1,
                compounds=0, experiments=12, controls=1, sites=2,
            )
        )  # fmt: skip
        files = Path(folder) / f"twin-{seed}"
        write_rxrx1(files, screen)
        source = {"data_set": CARD.name, "simulated": True}
        return self._read(Config(path=str(files)), folder, source, QUIET)

    def _read(self, config: Config, folder: Path, source: dict[str, object], how: How) -> ImageStore:
        from hooke.images.reading.ingest import prepare_folder
        from hooke.images.reading.published import RXRX_CHANNELS, rxrx1_metadata

        if not config.path:
            raise UsageError("name the folder of the unpacked RxRx1 archive: path=FOLDER")
        table = rxrx1_metadata(Path(config.metadata or f"{config.path}/metadata.csv"))
        if not config.channels:
            config = replace(config, channels=tuple("123456"), channel_names=RXRX_CHANNELS)
        config = replace(config, layout="rxrx" if config.layout == "auto" else config.layout)
        return prepare_folder(config, folder, how, name=CARD.name, metadata=table, source=source)
