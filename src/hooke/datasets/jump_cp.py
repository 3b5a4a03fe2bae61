"""JUMP-CP: Cell Painting of compounds, over-expressed and knocked-out genes in U2OS, five stains, from thirteen sources.

Source: github.com/jump-cellpainting/datasets; images in the Cell Painting Gallery (cpg0016).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.how import QUIET, How
from hooke.images.reading.options import FolderOptions

if TYPE_CHECKING:
    from hooke.images.store import ImageStore

STAINS = ("DNA", "ER", "RNA", "AGP", "Mito")
CHANNEL_NUMBERS = {
    "1": "41253", "2": "12345", "3": "54321", "4": "54321", "5": "12345", "6": "12345", "7": "14352", "8": "54321",
    "9": "41532", "10": "12345", "11": "12435", "13": "14352",
}  # fmt: skip
_TABLES = (
    "https://raw.githubusercontent.com/jump-cellpainting/datasets/016e865fa0691244e0860943e41c7d6a88ed2580/metadata/"
)


def _file(name: str, sha256: str, size_bytes: int) -> RemoteFile:
    mirrored = f"microscopy/jump_metadata/{name}" if sha256 else ""
    return RemoteFile(name, _TABLES + name, sha256, mirrored, size_bytes)


FILES = (
    _file("well.csv.gz", "", 0),
    _file("plate.csv.gz", "541ada1f64816166509a4e2328316d2a6662ba67e257b7ae134cbec9d7079319", 9690),
    _file("perturbation_control.csv", "f513c4017555efa486d07c3e9924944d5b0c44d2f2e76ca6e1fc934f5f718ef6", 740),
    _file("crispr.csv.gz", "55e36e6802c6fc5f8e5d5258554368d64601f1847205e0fceb28a2c246c8d1ed", 64933),
    _file("orf.csv.gz", "9c7ec4b0fa460a3a30f270a15f11b5e85cef9dd105c8a0ab8ab50f6cc98894b8", 550505),
    _file("compound.csv.gz", "", 0),
)
CARD = Card(
    name="jump_cp",
    title="JUMP-CP: Cell Painting of compounds, ORFs and CRISPR knock-outs in U2OS",
    description=(
        "Fields of 1080 x 1080 pixels (Phenix), 5 stains of 16 bit, up to 9 fields a well. path= is a folder with some plates, "
        "batch/plate/Images/r01c01f01p01-ch1sk1fk1fl1.tiff; source= (1 to 13) says which channel is which stain. "
        "tables= is a folder of the metadata tables; without it they are downloaded."
    ),
    modality="images",
    source="Cell Painting Gallery, cpg0016; metadata from github.com/jump-cellpainting/datasets at commit 016e865",
    licence="images CC0 (Cell Painting Gallery); metadata BSD-3-Clause (repository)",
    citation="jump_cp",
    size="about 116,000 compounds and 15,000 genes, over 100 TB; take some plates",
    levels=("field",),
    files=FILES,
    split="none is published",
    notes=(
        "No source states SHA-256 sums of well.csv.gz and compound.csv.gz: they are pinned at their first download. Channel "
        "numbers by source are those of channel_mapping.csv of the metadata repository; source 15 has four channels "
        "and needs channels= and channel_names=. The offline twin is simulated."
    ),
)


@dataclass(frozen=True)
class Config(FolderOptions):
    """Where some plates lie (`path`), and how they are read; see `FolderOptions`.

    Attributes:
        source: Number of the source that took the images; "" leaves the channels as the files call them.
        tables: Folder of the metadata tables; "" downloads them.
    """

    source: str = ""
    tables: str = ""

    def __post_init__(self) -> None:
        if self.source and self.source.removeprefix("source_") not in CHANNEL_NUMBERS:
            raise UnknownNameError("source of JUMP-CP", self.source, CHANNEL_NUMBERS)


class Dataset(datasets.Dataset[Config]):
    """Some plates of JUMP-CP as a store."""

    def files(self, how: How = How()) -> list[Path]:
        """The metadata tables, from the mirror or downloaded. Images are fetched from the gallery by other means."""
        return datasets.fetched(CARD.name, FILES, how)

    def prepare(self, folder: Path, how: How = How()) -> ImageStore:
        """Read the plates below `path` into a store below `folder`, or open it if it is already there."""
        return self._read(self.config, folder, {"data_set": CARD.name}, how)

    def twin(self, folder: Path, seed: int = 0) -> ImageStore:
        """A simulated screen of guides and compounds in the files, names and tables of JUMP-CP."""
        from hooke.images.simulated.config import ScreenConfig
        from hooke.images.simulated.files import write_jump_cp
        from hooke.images.simulated.screen import Screen

        screen = Screen(
            ScreenConfig(
                seed=seed, size=48, modules=2, genes_per_module=2, lone_genes=1, inactive_genes=1, guides=1, compounds=2,
                doses_um=(1.0, 10.0), experiments=2, controls=2, sites=2,
            )
        )  # fmt: skip
        files = Path(folder) / f"twin-{seed}"
        config = Config(path=str(files / "images"), tables=str(write_jump_cp(files, screen)), source="2")
        source = {"data_set": CARD.name, "simulated": True}
        return self._read(config, folder, source, QUIET)

    def _read(self, config: Config, folder: Path, source: dict[str, object], how: How) -> ImageStore:
        from hooke.images.reading.ingest import prepare_folder
        from hooke.images.reading.layouts import index_folder
        from hooke.images.reading.metadata import standard_names
        from hooke.images.reading.published import gathered, jump_metadata

        if not config.path:
            raise UsageError("name the folder of some plates of JUMP-CP: path=FOLDER")
        config = replace(config, layout="phenix" if config.layout == "auto" else config.layout)
        tables = Path(config.tables) if config.tables else gathered(self.files(how), folder)
        plates = index_folder(Path(config.path), config.layout, pattern=config.pattern, z=config.z).sites["plate"]
        table = standard_names(jump_metadata(tables), source="the tables of JUMP-CP")
        table = table.filter(table["plate"].is_in(plates.unique().to_list()))
        if config.source and not config.channels:
            numbers = CHANNEL_NUMBERS[config.source.removeprefix("source_")]
            config = replace(config, channels=tuple(numbers), channel_names=STAINS)
        return prepare_folder(config, folder, how, name=CARD.name, metadata=table, source=source)
