"""ToyMix: QM9, Tox21 and ZINC12k with their published random splits, to be learned together.

Files, label columns and levels are those of Graphium's configuration. A row carries the labels of its own table,
named `qm9/homo`, `tox21/NR-AR`, `zinc/logp`, and its table's split (in a recipe: split.kind = "published"). Graphium
normalises the labels of qm9 and zinc and reports its metrics on that scale.

Source: Beaini et al. 2024; github.com/datamol-io/graphium,
expts/hydra-configs/tasks/loss_metrics_datamodule/toymix.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.choices import choose
from hooke.core.how import QUIET, How
from hooke.core.label import Kind, Label
from hooke.molecules.tables.published import PublishedTable, fetch_tables, prepare_tables, twin_files

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore

_ADDRESS = "https://storage.valencelabs.com/graphium/datasets/neurips_2023/Small-dataset/"


def _file(name: str) -> RemoteFile:
    return RemoteFile(name, _ADDRESS + name, mirror_path=f"graphium/neurips_2023/Small-dataset/{name}")


def _table(file: str, split: str, kind: Kind, columns: str, metrics: tuple[str, ...]) -> PublishedTable:
    labels = tuple((name, Label(name, kind=kind)) for name in columns.split())
    return PublishedTable(_file(file), _file(split), "smiles", labels, metrics)


TABLES: dict[str, PublishedTable] = {
    "qm9": _table(
        "qm9.csv.gz",
        "qm9_random_splits.pt",
        "regression",
        "A B C mu alpha homo lumo gap r2 zpve u0 u298 h298 g298 cv u0_atom u298_atom h298_atom g298_atom",
        ("mae", "pearson", "r2"),
    ),
    "tox21": _table(
        "Tox21-7k-12-labels.csv.gz",
        "Tox21_random_splits.pt",
        "binary",
        "NR-AR NR-AR-LBD NR-AhR NR-Aromatase NR-ER NR-ER-LBD NR-PPAR-gamma SR-ARE SR-ATAD5 SR-HSE SR-MMP SR-p53",
        ("auroc", "average_precision"),
    ),
    "zinc": _table(
        "ZINC12k.csv.gz", "ZINC12k_random_splits.pt", "regression", "SA logp score", ("mae", "pearson", "r2")
    ),
}
CARD = Card(
    name="toymix",
    title="ToyMix: QM9 + Tox21 + ZINC12k, for multi-task learning",
    description=(
        "34 graph labels of three well-known small sets, learned together. tables=all, or some of qm9,tox21,zinc."
    ),
    modality="molecules",
    source=(
        "Graphium's archive, at the addresses of its configuration (github.com/datamol-io/graphium); "
        "doi:10.5281/zenodo.7998401"
    ),
    licence=(
        "Graphium's documentation states none for the data (its code: Apache-2.0); QM9, Tox21 and ZINC have "
        "their own terms"
    ),
    citation="toymix",
    size="QM9 134 k, ZINC 12 k, Tox21 7 k molecules by the names of their sets; 34 labels",
    files=tuple(file for table in TABLES.values() for file in (table.file, table.split)),
    split="published: random 80/10/10 for each table (.pt files of row numbers)",
    notes=(
        "No source states SHA-256 sums of these files: each is pinned at its first download, and unverified until then."
    ),
)


@dataclass(frozen=True)
class Config:
    """Which tables: "all", names separated by commas, or a list of names."""

    tables: tuple[str, ...] | str = "all"

    def __post_init__(self) -> None:
        choose("table of toymix", self.tables, TABLES)


class Dataset(datasets.Dataset[Config]):
    """The mixture as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.tables = choose("table of toymix", config.tables, TABLES)

    @property
    def labels(self) -> tuple[Label, ...]:
        """All labels, in the order of the store."""
        return tuple(
            Label(f"{name}/{column}", kind=label.kind, source=name)
            for name, table in self.tables.items()
            for column, label in table.columns
        )

    @property
    def every_label(self) -> tuple[Label, ...]:
        """The same: no column is found by a pattern."""
        return self.labels

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded: table and split of each."""
        return fetch_tables(CARD.name, self.tables, how)

    def prepare(self, folder: Path, how: How = How()) -> MoleculeStore:
        """Make the store below `folder`, or open it; the files are downloaded first if need be."""
        return prepare_tables(
            CARD.name,
            self.tables,
            self.files(how),
            folder,
            how,
        )

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """The same files with few real molecules, labels computed from their structure, and random splits."""
        paths = twin_files(self.tables, Path(folder), seed)
        return prepare_tables(CARD.name, self.tables, paths, folder, QUIET)
