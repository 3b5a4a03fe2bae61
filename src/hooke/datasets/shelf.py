"""Five public tables that stand in for larger sets: a sparse ChEMBL, and samples of QM9, PCQM4Mv2 and ZINC.

- chembl: 23,871 molecules × 691 sparse pIC50 assays of DeepChem (those with at least 5 ... measurements: "chembl_5thresh").
- qm9, pcqm4mv2, zinc: the first thousand or two rows that Graphium keeps beside its tests: 19 properties of QM9 (its own units), the
  HOMO-LUMO column of PCQM4Mv2, and SA, log P and score of ZINC.
- zinc250k: the 24,445 molecules by which the junction-tree autoencoder was validated (Jin et al. 2018), a tenth of ZINC-250k: no labels.

They serve in mixtures, not as benchmarks: a sample of a set says nothing about the set's published numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import UnknownNameError
from hooke.core.label import Label
from hooke.molecules.tables.description import Table

_GRAPHIUM = "https://raw.githubusercontent.com/datamol-io/graphium/f1c1809387184114a06ac2077bb57501bf09f495/"
_CHEMBL = RemoteFile(
    "chembl_5thresh.csv.gz", "", "84724fc5967c7e4a750d458bf9937b8bd0a9171f5b0b6b1551b7d70487b4295b",
    "molecules/deepchem_chembl_5thresh.csv.gz", 1_011_451,
)  # fmt: skip
_ZINC250K = RemoteFile(
    "zinc250k_valid.smi", "https://raw.githubusercontent.com/wengong-jin/icml18-jtnn/d4c425a8a28fce7d0e8f5da741d27d3fce4a7ec0/data/zinc/valid.txt",
    "ad7d9c2bfebd93ffda6c32ed0e89d1714ae1f592f6340c0e6ae057521bbae30d", "zinc/zinc250k_jtvae_valid.smi.gz", 1_106_144,
)  # fmt: skip
_QM9 = "A B C mu alpha homo lumo gap r2 zpve u0 u298 h298 g298 cv u0_atom u298_atom h298_atom g298_atom"


def _graphium(path: str, sha256: str, size: int, mirror: str, smiles: str, columns: str) -> Table:
    file = RemoteFile(path.rpartition("/")[2], _GRAPHIUM + path, sha256, mirror, size)
    return Table(tuple((name, Label(name)) for name in columns.split()), smiles, (file,), metric="mae")


TABLES: dict[str, Table] = {
    "chembl": Table((("CHEMBL*", Label("CHEMBL*", unit="-log10 mol/L")),), "smiles", (_CHEMBL,), metric="rmse"),
    "qm9": _graphium(
        "graphium/data/QM9/micro_qm9.csv", "767774afb1f6cbc9aff0454450b8632a665cf2a4334866ae62eac9ac4fb3ee7b", 225339,
        "quantum/graphium_micro_qm9.csv.gz", "smiles", _QM9,
    ),
    "pcqm4mv2": _graphium(
        "tests/data/pcqm4mv2-2k.csv", "a26a6fc08db2e21d9e0a499d9d6c6543b8398e7065e695eda53ad15468ca32fe", 1504570,
        "quantum/pcqm4mv2_2k.csv.gz", "smiles", "homo",
    ),
    "zinc": _graphium(
        "graphium/data/micro_ZINC/micro_ZINC.csv", "91e8a9d9f477f46bf01ded7ad089084c286ac381857e647bde581d9bfd4bece2", 76831,
        "zinc/graphium_micro_zinc_1k.csv.gz", "SMILES", "SA logp score",
    ),
    "zinc250k": Table((), "smiles", (_ZINC250K,)),
}  # fmt: skip
CARD = Card(
    name="shelf",
    title="A sparse ChEMBL of 691 assays, samples of QM9, PCQM4Mv2 and ZINC, and molecules without labels",
    description="One table at a time: table=" + ", ".join(TABLES) + ".",
    modality="molecules",
    source=(
        "github.com/deepchem/deepchem (datasets/chembl_5thresh.csv.gz), github.com/datamol-io/graphium (commit f1c1809), "
        "github.com/wengong-jin/icml18-jtnn (commit d4c425a)"
    ),
    licence="MIT (DeepChem, icml18-jtnn), Apache-2.0 (Graphium); ChEMBL itself is CC BY-SA 3.0, the others have their own terms",
    citation="shelf",
    size="1,002 to 24,445 molecules, none to 691 labels",
    files=tuple(table.files[0] for table in TABLES.values()),
    split="none",
    notes="chembl has no public address that was checked: it comes from a mirror.",
)


@dataclass(frozen=True)
class Config:
    """Which table."""

    table: str = "qm9"

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise UnknownNameError("table of shelf", self.table, TABLES)


class Dataset(datasets.TableDataset[Config]):
    """One table as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, CARD.name, {config.table: TABLES[config.table]})
