"""rxrx3-core: the named genes and all compounds of RxRx3, centre crops of 512 pixels, JPEG 2000 in Parquet files.

Source: github.com/recursionpharma/rxrx-datasets, rxrx3-core/README.md; huggingface.co/datasets/recursionpharma/rxrx3-core.
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

TABLE = "metadata_rxrx3_core.csv"
CARD = Card(
    name="rxrx3_core",
    title="RxRx3-core: 735 named gene knock-outs and 1,674 compounds in HUVEC",
    description=(
        "222,601 wells, one field each of 512 x 512 pixels, 6 channels of 8 bit, JPEG 2000 in Parquet. path= is the folder of "
        f"the downloaded data set, with data/*.parquet and {TABLE}."
    ),
    modality="images",
    source=(
        "huggingface.co/datasets/recursionpharma/rxrx3-core; columns from github.com/recursionpharma/rxrx-datasets "
        "(rxrx3-core/README.md)"
    ),
    licence="Recursion Non-Commercial End User License Agreement",
    citation="rxrx3",
    size="222,601 fields, 18 GB",
    levels=("field",),
    split="none is published",
    notes=(
        "Hugging Face asks for the terms before the download. Reading JPEG 2000 needs imagecodecs or Pillow (extra images). "
        "The offline twin is simulated."
    ),
)


@dataclass(frozen=True)
class Config(FolderOptions):
    """Where the downloaded data set lies (`path`), and how it is read; `metadata` defaults to its own table."""


class Dataset(datasets.Dataset[Config]):
    """rxrx3-core as a store."""

    def files(self, how: How = How()) -> list[Path]:
        """Not downloaded by Hooke: raises with where to get them."""
        raise UsageError(f"download rxrx3-core from {CARD.source.split(';')[0]}, and give path=FOLDER to prepare")

    def prepare(self, folder: Path, how: How = How()) -> ImageStore:
        """Read the Parquet files into a store below `folder`, or open it if it is already there."""
        return self._read(self.config, folder, {"data_set": CARD.name}, how)

    def twin(self, folder: Path, seed: int = 0) -> ImageStore:
        """A simulated screen in the files, names and columns of rxrx3-core."""
        from hooke.images.simulated.config import ScreenConfig
        from hooke.images.simulated.files import write_rxrx3_core
        from hooke.images.simulated.screen import Screen

        screen = Screen(
            ScreenConfig(
                "rxrx1", seed=seed, size=48, modules=2, genes_per_module=2, lone_genes=1, inactive_genes=0, guides=2,
                compounds=0, experiments=5, controls=2, sites=1,
            )
        )  # fmt: skip
        files = Path(folder) / f"twin-{seed}"
        write_rxrx3_core(files, screen)
        source = {"data_set": CARD.name, "simulated": True}
        return self._read(Config(path=str(files)), folder, source, QUIET)

    def _read(self, config: Config, folder: Path, source: dict[str, object], how: How) -> ImageStore:
        from hooke.images.reading.ingest import prepare_folder
        from hooke.images.reading.published import RXRX_CHANNELS, rxrx3_metadata

        if not config.path:
            raise UsageError("name the folder of the downloaded rxrx3-core: path=FOLDER")
        table = rxrx3_metadata(Path(config.metadata or f"{config.path}/{TABLE}"))
        if not config.channels:
            config = replace(config, channels=tuple("123456"), channel_names=RXRX_CHANNELS)
        config = replace(config, layout="rxrx3_core" if config.layout == "auto" else config.layout)
        return prepare_folder(config, folder, how, name=CARD.name, metadata=table, source=source)
