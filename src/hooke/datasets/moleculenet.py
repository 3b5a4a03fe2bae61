"""MoleculeNet: thirteen tables of small-molecule properties: quantum, physical chemistry, biophysics, physiology.

The thirteen are those that two MIT-licensed repositories publish as plain tables of molecules at a fixed commit, with bytes
that could be read there, so that every address has a checksum: twelve of chemprop (as of January 2019) and qm7 of
GROVER. Of the paper's seventeen, qm9 and pcba are left out (no bytes to take a checksum of; larger forms of both are in
toymix and largemix), and so are pdbbind (labels of complexes) and qm7b (no SMILES). Names, columns and kinds of the
labels are those of the files; metrics are those of the paper, which publishes kinds of splits, not rows.

Source: Wu et al. 2018, table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import UnknownNameError
from hooke.core.label import Kind, Label
from hooke.molecules.tables.description import Table

_CHEMPROP = "https://raw.githubusercontent.com/chemprop/chemprop/3f2b73372a8968f0f73b2fb279a5780cae918d58/data/"
_GROVER = "https://raw.githubusercontent.com/tencent-ailab/grover/40b6d97098e4508687912f3c05eca369fc2c6213/exampledata/finetune/"


def _table(
    name: str,
    file: str,
    sha256: str,
    size: int,
    kind: Kind,
    units: dict[str, str],
    metric: str,
    smiles: str = "smiles",
    address: str = _CHEMPROP,
) -> Table:
    """A table with the units of its label columns; "*" stands for all but the SMILES. Published results keep every row."""
    stem = file.removesuffix(".gz").removesuffix(".csv")
    remote = RemoteFile(file, address + file, sha256, f"moleculenet/{stem}.csv.gz", size)
    columns = tuple((column, Label(column, kind=kind, unit=unit, source=name)) for column, unit in units.items())
    return Table(columns, smiles, (remote,), metric=metric, duplicates="keep_all")


_QM8 = {
    f"{what}-{method}": "hartree" if what[0] == "E" else ""
    for method in ("CC2", "PBE0", "CAM")
    for what in ("E1", "E2", "f1", "f2")
}
TABLES: dict[str, Table] = {
    table.labels[0].source: table
    for table in (
        _table("esol", "delaney.csv", "887aa5930b0a7e7fcb76a2d25dc0ebe11c23878ca2d8d1e2204ca2c46b175140", 33966,
               "regression", {"logp": "log10 mol/L"}, "rmse"),
        _table("freesolv", "freesolv.csv", "97d74c86228d4c16c0fbbf063bb8280354d8152db09a85ade8517a2f43bd9824", 14210,
               "regression", {"freesolv": "kcal/mol"}, "rmse"),
        _table("lipophilicity", "lipo.csv", "aa9bd9669188e35efd908758a75561bba402016d901fed2d0d949289abbcf31c", 222638,
               "regression", {"lipo": "log D"}, "rmse"),
        _table("qm7", "qm7.csv", "eb793e3172c4a74cfb74ef805e6cdea79d1db16fd1f40a42f459297ad6457548", 409309,
               "regression", {"u0_atom": "kcal/mol"}, "mae", address=_GROVER),
        _table("qm8", "qm8.csv.gz", "a5de2f2d71f645eb53f741bf11d125edd9d62c1407769c20787d20026eb81434", 1190037,
               "regression", _QM8, "mae"),
        _table("bbbp", "bbbp.csv", "a61e17872cbec0743a6147dc802a1f7550acfe8dc1053f881f4c42a3ce2dc597", 111265,
               "binary", {"p_np": ""}, "roc_auc"),
        _table("bace", "bace.csv", "847be1e38d3798c60df03e1aaf2ccd0f09f9ed89407de78e80463aa637088532", 103228,
               "binary", {"Class": ""}, "roc_auc", smiles="mol"),
        _table("hiv", "hiv.csv.gz", "0a4a7390d6f22035c293e8e0d500655d76233b35f0f68ab128f3ceccdd97a297", 415719,
               "binary", {"HIV_active": ""}, "roc_auc"),
        _table("tox21", "tox21.csv", "b58cc1f683e78e3c7a1bf7116e9aac0119804018d100f7b8cdb0857941c31aca", 458635,
               "binary", {"*": ""}, "roc_auc"),
        _table("toxcast", "toxcast.csv.gz", "4b9b4366b02ce7ec7a0831d60f8c46f153c53c5e122376df887476240496abd4", 403733,
               "binary", {"*": ""}, "roc_auc"),
        _table("sider", "sider.csv", "71efc6ac4ca82d6545bc512509863281be0f17234afd7adaf71a71899988302e", 183743,
               "binary", {"*": ""}, "roc_auc"),
        _table("clintox", "clintox.csv", "cc561402d058a0d996a9f5e5d02bc20f6652b7003525b32c3598b8da4b24e9b7", 94829,
               "binary", {"FDA_APPROVED": "", "CT_TOX": ""}, "roc_auc"),
        _table("muv", "muv.csv.gz", "ee68d1fad0b10440dc494ac3a74cf99168a0b0da9683556b2b48220b88172135", 1329782,
               "binary", {"*": ""}, "average_precision"),
    )
}  # fmt: skip
CARD = Card(
    name="moleculenet",
    title="MoleculeNet: thirteen tables of small-molecule properties",
    description="One table at a time: table=" + ", ".join(TABLES) + ". The label of esol, logp, is its log solubility.",
    modality="molecules",
    source=(
        "github.com/chemprop/chemprop (data/, commit 3f2b733), github.com/tencent-ailab/grover (qm7, commit 40b6d97)"
    ),
    licence="MIT (both repositories); the underlying sources have their own terms",
    citation="moleculenet",
    size="642 to 93,087 molecules, 1 to 617 labels",
    files=tuple(table.files[0] for table in TABLES.values()),
    split="the paper splits some tables at random, some by scaffold, qm7 stratified; it publishes no rows",
)


@dataclass(frozen=True)
class Config:
    """Which table."""

    table: str = "esol"

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise UnknownNameError("table of moleculenet", self.table, TABLES)


class Dataset(datasets.TableDataset[Config]):
    """One table of MoleculeNet as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, CARD.name, {config.table: TABLES[config.table]})
