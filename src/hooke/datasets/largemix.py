"""LargeMix: PCQM4M_G25_N4, PCBA_1328 and two cell lines of L1000 with their published splits, to be learned together.

Files, label columns and levels are those of Graphium's configuration: `graph_*` (25 labels of molecules) and `node_*`
(4 labels of atoms) of PCQM4M, `assayID-*` (1,328 binary assays) of PCBA, `geneID-*` (978 genes, five ordered classes
0 to 4) of L1000. A row carries the labels of its own table, named `pcba_1328/assayID-1000`, and its table's split.
The molecules of L1000 and PCBA that are also in PCQM4M's training rows are a part of their own, "test_seen": they are
in no part unless test="test_seen".

Source: Beaini et al. 2024; github.com/datamol-io/graphium,
expts/hydra-configs/tasks/loss_metrics_datamodule/largemix.yaml and
graphium/data/make_data_splits/make_train_val_test_splits_large.ipynb.
Differs from the paper: its L1000 runs used files with three classes (`_0-2_th2`); the archive's files have five
(`_0-4`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.choices import choose
from hooke.core.how import QUIET, How
from hooke.core.label import Label
from hooke.molecules.tables.published import PublishedTable, every_label, fetch_tables, prepare_tables, twin_files

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore

_ADDRESS = "https://storage.valencelabs.com/graphium/datasets/neurips_2023/Large-dataset/"
_CLASSES = Label("class", kind="ordinal", classes=5)
_CLASS_METRICS, _REAL_METRICS = ("auroc", "average_precision"), ("mae", "pearson", "r2")


def _file(name: str) -> RemoteFile:
    return RemoteFile(name, _ADDRESS + name, mirror_path=f"graphium/neurips_2023/Large-dataset/{name}")


TABLES: dict[str, PublishedTable] = {
    "l1000_vcap": PublishedTable(
        _file("LINCS_L1000_VCAP_0-4.csv.gz"),
        _file("l1000_vcap_random_splits.pt"),
        "SMILES",
        (("geneID-*", _CLASSES),),
        _CLASS_METRICS,
        counts={"geneID-*": 978},
    ),
    "l1000_mcf7": PublishedTable(
        _file("LINCS_L1000_MCF7_0-4.csv.gz"),
        _file("l1000_mcf7_random_splits.pt"),
        "SMILES",
        (("geneID-*", _CLASSES),),
        _CLASS_METRICS,
        counts={"geneID-*": 978},
    ),
    "pcba_1328": PublishedTable(
        _file("PCBA_1328_1564k.parquet"),
        _file("pcba_1328_random_splits.pt"),
        "SMILES",
        (("assayID-*", Label("assay", kind="binary")),),
        _CLASS_METRICS,
        counts={"assayID-*": 1328},
    ),
    "pcqm4m_g25_n4": PublishedTable(
        _file("PCQM4M_G25_N4.parquet"),
        _file("pcqm4m_g25_n4_random_splits.pt"),
        "ordered_smiles",
        (("graph_*", Label("molecule")), ("node_*", Label("atom", "node"))),
        _REAL_METRICS,
        counts={"graph_*": 25, "node_*": 4},
    ),
}
WITHOUT_TEST_SEEN = ("pcqm4m_g25_n4",)
CARD = Card(
    name="largemix",
    title="LargeMix: PCQM4M_G25_N4 + PCBA_1328 + L1000 VCAP and MCF7, for multi-task pretraining",
    description=(
        "3,309 graph and 4 node labels of quantum chemistry, assays and gene expression, learned together. "
        "tables=all, or some of l1000_vcap,l1000_mcf7,pcba_1328,pcqm4m_g25_n4; test=test or test_seen."
    ),
    modality="molecules",
    source=(
        "Graphium's archive, at the addresses of its configuration (github.com/datamol-io/graphium); "
        "doi:10.5281/zenodo.7998401"
    ),
    licence=(
        "Graphium's documentation states none for the data (its code: Apache-2.0); PubChemQC, PubChem and "
        "LINCS have their own terms"
    ),
    citation="largemix",
    size="3,810,323 (PCQM4M) + 1,563,664 (PCBA) + 15,220 (VCAP) + 11,622 (MCF7) rows; 3,313 labels",
    levels=("graph", "node"),
    files=tuple(file for table in TABLES.values() for file in (table.file, table.split)),
    split="published: random 92/4/4 for each table, and test_seen (.pt files of row numbers)",
    notes=(
        "No source states SHA-256 sums of these files: each is pinned at its first download, unverified until then. "
        "Some rows of L1000 have the SMILES 'restricted': they are rejected and counted."
    ),
)


@dataclass(frozen=True)
class Config:
    """Which tables and which test rows.

    Attributes:
        tables: "all", names separated by commas, or a list of names.
        test: "test", or "test_seen": molecules of L1000 and PCBA whose quantum labels are in PCQM4M's training rows
            (PCQM4M itself keeps its "test").
    """

    tables: tuple[str, ...] | str = "all"
    test: Literal["test", "test_seen"] = "test"

    def __post_init__(self) -> None:
        choose("table of largemix", self.tables, TABLES)


class Dataset(datasets.Dataset[Config]):
    """The mixture as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.tables = {
            name: table if name in WITHOUT_TEST_SEEN else replace(table, test=config.test)
            for name, table in choose("table of largemix", config.tables, TABLES).items()
        }

    @property
    def labels(self) -> tuple[Label, ...]:
        """One label for each pattern of columns: the names of all columns are known only from the files."""
        return tuple(
            replace(label, name=f"{name}/{pattern}", source=name)
            for name, table in self.tables.items()
            for pattern, label in table.columns
        )

    @property
    def every_label(self) -> tuple[Label, ...]:
        """One label for each column of the published files."""
        return every_label(self.tables)

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
        """The same files with few real molecules, few columns, labels computed from structure, and random splits."""
        paths = twin_files(self.tables, Path(folder), seed)
        return prepare_tables(CARD.name, self.tables, paths, folder, QUIET)
