"""MoleculeACE: potencies with activity cliffs: pairs of much alike molecules whose potency differs at least tenfold.

The 15 of the 30 published sets that a mirror holds, each with its published train and test rows and its marks of cliff molecules. Beside the
RMSE of all test molecules stands that of the cliff molecules alone. The label is -log10 of the measured molar concentration (pEC50 or pKi).

Source: van Tilborg et al. 2022 (J. Chem. Inf. Model. 62, 5938), data as in its repository, drawn from ChEMBL 29.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import UnknownNameError
from hooke.core.how import How
from hooke.core.label import Label
from hooke.molecules.tables.description import Table

_ADDRESS = "https://raw.githubusercontent.com/molML/MoleculeACE/7e6de0bd2968c56589c580f2a397f01c531ede26/MoleculeACE/Data/benchmark_data/"
_POTENCY, _CLIFF = "y [pEC50/pKi]", "cliff_mol"
_FILES = {
    "CHEMBL1862_Ki": ("c69adcbb021591ba2c564df1e9eb55d465b3c51e78d0237ec0527942eb20cfdb", 75166),
    "CHEMBL2034_Ki": ("9b9f4cca381cfd9e240603b0af24d9de742e421b984daf08c7c2458132eb3e4b", 85670),
    "CHEMBL204_Ki": ("54da2410087fb6a7d39e327e06af9b63044121bffbae9e3a8b61589217544e05", 321335),
    "CHEMBL214_Ki": ("6d412099986b7b9769d878a6fd9a6cf137f257455a87610a4f35b00daa86758f", 331012),
    "CHEMBL219_Ki": ("12bdaa25aff44ec4abef3b09199338405074ef39677843b7f46a006b8938f307", 178991),
    "CHEMBL231_Ki": ("878adc58fce97794d5df1352c2f17631906007d8228c7f7f132360e49e811260", 96780),
    "CHEMBL234_Ki": ("447d38f659b86c7177f022b16f028db6828ab09c80051e74dad420168970f657", 370354),
    "CHEMBL236_Ki": ("c40c6e987e6caf5019faf7aa19eee82ec9b500d51650d031bab473c6425601ee", 330367),
    "CHEMBL237_Ki": ("20474e12e78596d28cd238cfde693dd476d29797c54efcb60ff0276c345592f1", 319940),
    "CHEMBL239_EC50": ("bbba9d4fdbd8cda84eb66a4fdc07af989454ff85a9f182a86d14fa94543cae41", 181036),
    "CHEMBL262_Ki": ("8b6df9f67a87855d4fda89d1bd977cf2f3b71327387d2e0ba6c8673640fb94dd", 80861),
    "CHEMBL2835_Ki": ("0c2226e533a9aad3ce59c48f90fca3b13910764dbc030ae4cdcb2f656cad5ec6", 70762),
    "CHEMBL2971_Ki": ("4c83bb693523b6e4e1187482d603a4392c9299a2a21b031ddae85a9bb89d2e02", 104956),
    "CHEMBL4005_Ki": ("1483dad125d5d37719c5524d6b63bac93be6e7114f892a0d131ebc35f72632f7", 101360),
    "CHEMBL4616_EC50": ("d3690225e5a2000a4e34b5958be55674c892f0d7d8a6a3bc13a8ebb10c46b6a3", 84510),
}  # fmt: skip


def _table(name: str, sha256: str, size: int) -> Table:
    file = RemoteFile(f"{name}.csv", f"{_ADDRESS}{name}.csv", sha256, f"moleculeace/{name}.csv.gz", size)
    label = Label(name, unit="-log10 mol/L", source=name)
    return Table(((_POTENCY, label),), "smiles", (file,), split_column="split", metric="rmse", duplicates="keep_all")


TABLES: dict[str, Table] = {name: _table(name, *entry) for name, entry in _FILES.items()}
CARD = Card(
    name="moleculeace",
    title="MoleculeACE: fifteen sets of potencies with activity cliffs",
    description="One target at a time: table=" + ", ".join(TABLES) + ".",
    modality="molecules",
    source="github.com/molML/MoleculeACE (MoleculeACE/Data/benchmark_data, commit 7e6de0b)",
    licence="MIT (the repository); data from ChEMBL, CC BY-SA 3.0",
    citation="moleculeace",
    size="615 to 3,657 molecules, 1 label each",
    files=tuple(table.files[0] for table in TABLES.values()),
    split="published: train and test (about 80/20, stratified by activity cliffs within clusters)",
)


@dataclass(frozen=True)
class Config:
    """Which target."""

    table: str = "CHEMBL1862_Ki"

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise UnknownNameError("table of moleculeace", self.table, TABLES)


class Dataset(datasets.TableDataset[Config]):
    """One target of MoleculeACE as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, CARD.name, {config.table: TABLES[config.table]})

    def cliffs(self, how: How = How()) -> list[bool]:
        """For every row of the file: whether the molecule takes part in an activity cliff."""
        return cliffs_of(self.files(how)[0])


def cliffs_of(path: Path) -> list[bool]:
    """The marks of a file's rows, in order."""
    from hooke.molecules.tables.reading import read_table

    return [cell.strip() == "1" for chunk in read_table(path) for cell in chunk.columns[_CLIFF]]
