"""MoleculeNet: thirteen tables of small-molecule properties: quantum, physical chemistry, biophysics, physiology.

The thirteen are those that two MIT-licensed repositories publish as plain tables of molecules at a fixed commit, with bytes
that could be read there, so that every address has a checksum: twelve of chemprop (as of January 2019) and qm7 of
GROVER. Of the paper's seventeen, qm9 and pcba are left out (no bytes to take a checksum of; larger forms of both are in
toymix and largemix), and so are pdbbind (labels of complexes) and qm7b (no SMILES). Names, columns and kinds of the
labels are those of the files; splits and metrics are those of the paper, which publishes kinds of splits, not rows.

Source: Wu et al. 2018, table 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import UnknownNameError
from hooke.core.how import QUIET, How
from hooke.core.label import Kind, Label

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore
    from hooke.molecules.tables.mixtures import MixtureTable

_CHEMPROP = "https://raw.githubusercontent.com/chemprop/chemprop/3f2b73372a8968f0f73b2fb279a5780cae918d58/data/"
_GROVER = "https://raw.githubusercontent.com/tencent-ailab/grover/40b6d97098e4508687912f3c05eca369fc2c6213/exampledata/finetune/"


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        file: Its file.
        kind: Kind of all its labels.
        columns: Label columns; None for all but the SMILES.
        split: The kind of split of the paper.
        metric: The metric of the paper.
        smiles: SMILES column.
        units: Column -> unit, "" for all columns without an entry of their own.
    """

    file: RemoteFile
    kind: Kind
    columns: tuple[str, ...] | None
    split: str
    metric: str
    smiles: str = "smiles"
    units: tuple[tuple[str, str], ...] = ()

    def label(self, column: str, source: str) -> Label:
        """The label of one of its columns."""
        return Label(column, kind=self.kind, unit=dict(self.units).get(column, ""), source=source)


def _file(name: str, sha256: str, size_bytes: int, address: str = _CHEMPROP) -> RemoteFile:
    stem = name.removesuffix(".gz").removesuffix(".csv")
    return RemoteFile(name, address + name, sha256, f"moleculenet/{stem}.csv.gz", size_bytes)


TABLES: dict[str, Table] = {
    "esol": Table(
        _file("delaney.csv", "887aa5930b0a7e7fcb76a2d25dc0ebe11c23878ca2d8d1e2204ca2c46b175140", 33966),
        "regression", ("logp",), "random", "rmse", units=(("logp", "log10 mol/L"),),
    ),
    "freesolv": Table(
        _file("freesolv.csv", "97d74c86228d4c16c0fbbf063bb8280354d8152db09a85ade8517a2f43bd9824", 14210),
        "regression", ("freesolv",), "random", "rmse", units=(("freesolv", "kcal/mol"),),
    ),
    "lipophilicity": Table(
        _file("lipo.csv", "aa9bd9669188e35efd908758a75561bba402016d901fed2d0d949289abbcf31c", 222638),
        "regression", ("lipo",), "random", "rmse", units=(("lipo", "log D"),),
    ),
    "qm7": Table(
        _file("qm7.csv", "eb793e3172c4a74cfb74ef805e6cdea79d1db16fd1f40a42f459297ad6457548", 409309, _GROVER),
        "regression", ("u0_atom",), "stratified", "mae", units=(("u0_atom", "kcal/mol"),),
    ),
    "qm8": Table(
        _file("qm8.csv.gz", "a5de2f2d71f645eb53f741bf11d125edd9d62c1407769c20787d20026eb81434", 1190037),
        "regression", None, "random", "mae",
        units=tuple((f"E{state}-{level}", "hartree") for level in ("CC2", "PBE0", "CAM") for state in (1, 2)),
    ),
    "bbbp": Table(
        _file("bbbp.csv", "a61e17872cbec0743a6147dc802a1f7550acfe8dc1053f881f4c42a3ce2dc597", 111265),
        "binary", ("p_np",), "scaffold", "auroc",
    ),
    "bace": Table(
        _file("bace.csv", "847be1e38d3798c60df03e1aaf2ccd0f09f9ed89407de78e80463aa637088532", 103228),
        "binary", ("Class",), "scaffold", "auroc", smiles="mol",
    ),
    "hiv": Table(
        _file("hiv.csv.gz", "0a4a7390d6f22035c293e8e0d500655d76233b35f0f68ab128f3ceccdd97a297", 415719),
        "binary", ("HIV_active",), "scaffold", "auroc",
    ),
    "tox21": Table(
        _file("tox21.csv", "b58cc1f683e78e3c7a1bf7116e9aac0119804018d100f7b8cdb0857941c31aca", 458635),
        "binary", None, "random", "auroc",
    ),
    "toxcast": Table(
        _file("toxcast.csv.gz", "4b9b4366b02ce7ec7a0831d60f8c46f153c53c5e122376df887476240496abd4", 403733),
        "binary", None, "random", "auroc",
    ),
    "sider": Table(
        _file("sider.csv", "71efc6ac4ca82d6545bc512509863281be0f17234afd7adaf71a71899988302e", 183743),
        "binary", None, "random", "auroc",
    ),
    "clintox": Table(
        _file("clintox.csv", "cc561402d058a0d996a9f5e5d02bc20f6652b7003525b32c3598b8da4b24e9b7", 94829),
        "binary", ("FDA_APPROVED", "CT_TOX"), "random", "auroc",
    ),
    "muv": Table(
        _file("muv.csv.gz", "ee68d1fad0b10440dc494ac3a74cf99168a0b0da9683556b2b48220b88172135", 1329782),
        "binary", None, "random", "average_precision",
    ),
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
    files=tuple(table.file for table in TABLES.values()),
    split="the paper splits some tables at random, some by scaffold, qm7 stratified; it publishes no rows",
)


@dataclass(frozen=True)
class Config:
    """Which table."""

    table: str = "esol"

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise UnknownNameError("table of moleculenet", self.table, TABLES)


@dataclass(frozen=True)
class _Options:
    smiles: str
    duplicates: str = "keep_all"  # published results keep every row


class Dataset(datasets.Dataset[Config]):
    """One table of MoleculeNet as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.table = TABLES[config.table]

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels; one called "*" stands for all columns where they are known only from the file."""
        return tuple(self.table.label(column, self.config.table) for column in self.table.columns or ("*",))

    def files(self, how: How = How()) -> list[Path]:
        """The raw file, from the mirror or downloaded."""
        from hooke.core.download import fetch
        from hooke.core.paths import cache_folder

        return [fetch(self.table.file, cache_folder() / "raw" / CARD.name, show_progress=how.show_progress)]

    def prepare(self, folder: Path, how: How = How()) -> MoleculeStore:
        """Ingest the table below `folder`, or open its store; the file is downloaded first if need be."""
        [path] = self.files(how)
        return self._ingest(path, Path(folder), how)

    def held_out(self, how: How = How()) -> list[str]:
        """SMILES of the rows that the suites test on: the scaffolds of `molecules.held_out`."""
        from hooke.molecules.held_out import held_out
        from hooke.molecules.tables.reading import read_table

        [path] = self.files(how)
        smiles = [text for chunk in read_table(path) for text in chunk.columns[self.table.smiles]]
        return [text for text, out in zip(smiles, held_out(smiles), strict=True) if out]

    def member(self, folder: Path, how: How = How()) -> MixtureTable:
        """The table as a part of a mixture."""
        from hooke.molecules.tables.mixtures import MixtureTable
        from hooke.molecules.tables.reading import column_names

        [path] = self.files(how)
        names = self.table.columns or tuple(name for name in column_names(path) if name != self.table.smiles)
        columns = tuple((name, self.table.label(name, self.config.table)) for name in names)
        return MixtureTable(self.config.table, (path,), self.table.smiles, columns)

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """The same columns with small real molecules and labels computed from their structure."""
        from hooke.molecules.tables.twins import write_twin_table

        names = self.table.columns or tuple(f"{self.config.table}_{number}" for number in range(3))
        path = Path(folder) / f"twin-{self.config.table}-{seed}.csv"
        labels = [self.table.label(name, self.config.table) for name in names]
        write_twin_table(path, seed=seed, rows=96, labels=labels, smiles_column=self.table.smiles)
        return self._ingest(path, Path(folder), QUIET)

    def _ingest(
        self,
        path: Path,
        folder: Path,
        how: How,
    ) -> MoleculeStore:
        from hooke.molecules.tables.prepared import prepare_table
        from hooke.molecules.tables.reading import column_names

        names = self.table.columns or tuple(name for name in column_names(path) if name != self.table.smiles)
        return prepare_table(
            path,
            folder,
            _Options(self.table.smiles),
            how,
            labels=[self.table.label(name, self.config.table) for name in names],
        )
