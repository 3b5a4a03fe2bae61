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
from typing import Literal

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.label import Label
from hooke.core.options import choose
from hooke.molecules.tables.description import Table

_ADDRESS = "https://storage.valencelabs.com/graphium/datasets/neurips_2023/Large-dataset/"
_CLASSES = Label("class", kind="ordinal", classes=5)


def _file(name: str) -> RemoteFile:
    return RemoteFile(name, _ADDRESS + name, mirror_path=f"graphium/neurips_2023/Large-dataset/{name}")


def _table(name: str, file: str, smiles: str, counts: dict[str, int], *columns: tuple[str, Label]) -> Table:
    split = _file(f"{name}_random_splits.pt")
    return Table(columns, smiles, (_file(file),), split_file=split, counts=counts, name=name, by_columns=True)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table("l1000_vcap", "LINCS_L1000_VCAP_0-4.csv.gz", "SMILES", {"geneID-*": 978}, ("geneID-*", _CLASSES)),
        _table("l1000_mcf7", "LINCS_L1000_MCF7_0-4.csv.gz", "SMILES", {"geneID-*": 978}, ("geneID-*", _CLASSES)),
        _table(
            "pcba_1328", "PCBA_1328_1564k.parquet", "SMILES", {"assayID-*": 1328},
            ("assayID-*", Label("assay", kind="binary")),
        ),
        _table(
            "pcqm4m_g25_n4", "PCQM4M_G25_N4.parquet", "ordered_smiles", {"graph_*": 25, "node_*": 4},
            ("graph_*", Label("molecule")), ("node_*", Label("atom", "node")),
        ),
    )
}  # fmt: skip
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
    files=tuple(file for table in TABLES.values() for file in (*table.files, table.split_file) if file),
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


class Dataset(datasets.TableDataset[Config]):
    """The mixture as a store."""

    @property
    def table_names(self) -> tuple[str, ...]:
        """See `datasets.Dataset.table_names`."""
        return tuple(TABLES)

    def __init__(self, config: Config) -> None:
        tables = {
            name: table if name in WITHOUT_TEST_SEEN else replace(table, test=config.test)
            for name, table in choose("table of largemix", config.tables, TABLES).items()
        }
        super().__init__(config, CARD.name, tables)
