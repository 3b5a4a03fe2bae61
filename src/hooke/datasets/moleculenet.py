"""MoleculeNet: thirteen tables of small-molecule properties: quantum, physical chemistry, biophysics, physiology.

Eleven tables come as chemprop redistributes them (qm7 as GROVER does); bace and hiv from DeepChem's public archive.
Names, label columns and kinds are those of the files.

Source: Wu et al. 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import UnknownNameError
from hooke.core.labels import Label

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore

_CHEMPROP = "https://raw.githubusercontent.com/chemprop/chemprop/b83635bcddaddcdb91d453128edec9f2be0d25cf/data/"
_DEEPCHEM = "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets/"


@dataclass(frozen=True)
class Table:
    """One table: its file, SMILES column, labels ("regression" or "binary" columns) and the split its papers use."""

    file: RemoteFile
    kind: str
    labels: tuple[str, ...] | None  # None: every other column
    smiles: str = "smiles"
    unit: str = ""
    split: str = "scaffold"


def _mirrored(stem: str, url_name: str = "") -> RemoteFile:
    name = url_name or f"{stem}.csv"
    return RemoteFile(name, f"{_CHEMPROP}{name}" if url_name != "-" else "", mirror_path=f"moleculenet/{stem}.csv.gz")


TABLES: dict[str, Table] = {
    "esol": Table(_mirrored("delaney"), "regression", ("logp",), unit="log10 mol/L", split="random"),
    "freesolv": Table(_mirrored("freesolv"), "regression", ("freesolv",), unit="kcal/mol", split="random"),
    "lipophilicity": Table(_mirrored("lipo"), "regression", ("lipo",), unit="log D", split="random"),
    "qm7": Table(_mirrored("qm7", "-"), "regression", ("u0_atom",), unit="kcal/mol", split="random"),
    "qm8": Table(_mirrored("qm8", "qm8.csv.gz"), "regression", None, split="random"),
    "bbbp": Table(_mirrored("bbbp"), "binary", ("p_np",)),
    "bace": Table(
        RemoteFile("bace.csv", f"{_DEEPCHEM}bace.csv", mirror_path="moleculenet/bace.csv.gz"),
        "binary",
        ("Class",),
        "mol",
    ),
    "hiv": Table(
        RemoteFile("HIV.csv", f"{_DEEPCHEM}HIV.csv", mirror_path="moleculenet/hiv.csv.gz"), "binary", ("HIV_active",)
    ),
    "tox21": Table(_mirrored("tox21"), "binary", None, split="random"),
    "toxcast": Table(_mirrored("toxcast", "toxcast.csv.gz"), "binary", None, split="random"),
    "sider": Table(_mirrored("sider"), "binary", None, split="random"),
    "clintox": Table(_mirrored("clintox"), "binary", None, split="random"),
    "muv": Table(_mirrored("muv", "muv.csv.gz"), "binary", None, split="random"),
}
CARD = Card(
    name="moleculenet",
    title="MoleculeNet: thirteen tables of small-molecule properties",
    description=(
        "One table at a time: table=" + ", ".join(TABLES) + ". The label of esol is called logp in its file "
        "and is log solubility."
    ),
    domain="molecules",
    source=(
        "github.com/chemprop/chemprop (data/), github.com/tencent-ailab/grover (qm7), DeepChem's archive (bace, hiv)"
    ),
    licence="MIT (chemprop's and GROVER's repositories); the underlying sources have their own terms",
    citation="moleculenet",
    size="642 to 93,087 molecules, 1 to 617 labels",
    files=tuple(table.file for table in TABLES.values()),
    split="the papers use random or scaffold splits by table; none is published as rows",
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


class Dataset:
    """One table of MoleculeNet as a store."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.table = TABLES[config.table]

    def files(self, *, show_progress: bool = True) -> list[Path]:
        """The raw file, from the mirror or downloaded."""
        from hooke.core.download import fetch
        from hooke.core.paths import cache_folder

        return [fetch(self.table.file, cache_folder() / "raw" / CARD.name, show_progress=show_progress)]

    def prepare(
        self,
        folder: Path,
        *,
        encodings: Any = None,
        standardise: Any = None,
        workers: int | None = None,
        show_progress: bool = True,
    ) -> MoleculeStore:
        """Ingest the table below `folder`, or open its store."""
        [path] = self.files(show_progress=show_progress)
        return self._ingest(path, folder, encodings, standardise, workers, show_progress)

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """The same columns with small real molecules and labels computed from their structure."""
        from hooke.molecules.twins import write_twin_table

        names = self.table.labels or tuple(f"{self.config.table}_{number}" for number in range(3))
        labels = [Label(name, kind=self.table.kind) for name in names]  # type: ignore[arg-type]
        path = write_twin_table(
            Path(folder) / f"twin-{self.config.table}.csv",
            seed=seed,
            rows=96,
            labels=labels,
            smiles_column=self.table.smiles,
        )
        return self._ingest(path, folder, None, None, 1, show_progress=False)

    def _ingest(
        self, path: Path, folder: Path, encodings: Any, standardise: Any, workers: int | None, show_progress: bool
    ) -> MoleculeStore:
        from hooke.molecules.prepared import prepare_table
        from hooke.molecules.tables import column_names

        names = self.table.labels or tuple(name for name in column_names(path) if name != self.table.smiles)
        labels = [Label(name, kind=self.table.kind, unit=self.table.unit, source=self.config.table) for name in names]  # type: ignore[arg-type]
        return prepare_table(
            path,
            Path(folder),
            _Options(self.table.smiles),
            labels=labels,
            encodings=encodings,
            standardise=standardise,
            workers=workers,
            show_progress=show_progress,
        )
