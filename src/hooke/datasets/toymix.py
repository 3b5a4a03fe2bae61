"""ToyMix: QM9, Tox21 and ZINC12k with their published random splits, to be learned together.

Files, label columns and levels are those of Graphium's configuration. A row carries the labels of its own table,
named `qm9/homo`, `tox21/NR-AR`, `zinc/logp`, and its table's split (in a recipe: split.kind = "published"). Graphium
normalises the labels of qm9 and zinc and reports its metrics on that scale.

Source: Beaini et al. 2024; github.com/datamol-io/graphium,
expts/hydra-configs/tasks/loss_metrics_datamodule/toymix.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.label import Kind, Label
from hooke.core.options import choose
from hooke.molecules.tables.description import Table

_ADDRESS = "https://storage.valencelabs.com/graphium/datasets/neurips_2023/Small-dataset/"


def _file(name: str) -> RemoteFile:
    return RemoteFile(name, _ADDRESS + name, mirror_path=f"graphium/neurips_2023/Small-dataset/{name}")


def _table(name: str, file: str, split: str, kind: Kind, columns: str) -> Table:
    labels = tuple((column, Label(column, kind=kind)) for column in columns.split())
    return Table(labels, "smiles", (_file(file),), split_file=_file(split), name=name, by_columns=True)


TABLES: dict[str, Table] = {
    "qm9": _table(
        "qm9", "qm9.csv.gz", "qm9_random_splits.pt", "regression",
        "A B C mu alpha homo lumo gap r2 zpve u0 u298 h298 g298 cv u0_atom u298_atom h298_atom g298_atom",
    ),
    "tox21": _table(
        "tox21", "Tox21-7k-12-labels.csv.gz", "Tox21_random_splits.pt", "binary",
        "NR-AR NR-AR-LBD NR-AhR NR-Aromatase NR-ER NR-ER-LBD NR-PPAR-gamma SR-ARE SR-ATAD5 SR-HSE SR-MMP SR-p53",
    ),
    "zinc": _table("zinc", "ZINC12k.csv.gz", "ZINC12k_random_splits.pt", "regression", "SA logp score"),
}  # fmt: skip
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
    files=tuple(file for table in TABLES.values() for file in (*table.files, table.split_file) if file),
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


class Dataset(datasets.TableDataset[Config]):
    """The mixture as a store."""

    @property
    def table_names(self) -> tuple[str, ...]:
        """See `datasets.Dataset.table_names`."""
        return tuple(TABLES)

    def __init__(self, config: Config) -> None:
        super().__init__(config, CARD.name, choose("table of toymix", config.tables, TABLES))
