"""GDSC: ln IC50 of 238 compounds with a known structure in 561 cancer cell lines, with the methylation of each line.

A row is a compound in a line (DepMap's identifiers), as far as it was measured: four fifths of the table that DeepCDR publishes. Fifteen
compounds share their structure with another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import DataError
from hooke.core.files import write_durably
from hooke.core.how import How

if TYPE_CHECKING:
    import polars as pl

    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore

_ADDRESS = "https://raw.githubusercontent.com/kimmo1019/DeepCDR/master/data/"


def _file(name: str, address: str, mirror: str, sha256: str, size_bytes: int) -> RemoteFile:
    return RemoteFile(name, _ADDRESS + address, sha256, f"perturbation/drug_response/{mirror}.gz", size_bytes)


_FILES = (
    _file(
        "GDSC_IC50.csv", "CCLE/GDSC_IC50.csv", "gdsc_ln_ic50_266x561.csv",
        "9dad3b047e20b59b88d88ba00f64ef53e7dcfc11e7cceab19d9e79ae746105bb", 2_058_983,
    ),
    _file(
        "223drugs_pubchem_smiles.txt", "223drugs_pubchem_smiles.txt", "drug_smiles_223.txt",
        "b2b21befca06d0d3a0fc0ec762eb3e2184436851b6bebddddccf8cc60339d9c4", 14_194,
    ),
    _file(
        "drug_list.csv", "GDSC/1.Drug_listMon%20Jun%2024%2009_00_55%202019.csv", "drug_list.csv",
        "b88757dd7aa7979251832b4866ff605f716854705d49ea4cb256f794e262a74e", 21_781,
    ),
)  # fmt: skip
_METHYLATION = _file(
    "methylation.csv", "CCLE/genomic_methylation_561celllines_808genes_demap_features.csv", "ccle_methylation_561x808.csv",
    "a03330ff78ef67424178babe2dd3383ca89e8443b870f2f68bd65615199c7913", 4_087_184,
)  # fmt: skip
CARD = Card(
    name="gdsc",
    title="GDSC: ln IC50 of compounds in cancer cell lines",
    description="Responses of 561 cancer cell lines to 238 compounds of 223 structures, and the methylation of 808 regions in each line.",
    modality="cells",
    source="github.com/kimmo1019/DeepCDR (data/), from GDSC and CCLE",
    licence="MIT (repository); GDSC and CCLE data have their own terms (research use); not shipped",
    citation="gdsc",
    size="107,446 values of 238 compounds in 561 lines",
    levels=("profile",),
    files=(*_FILES, _METHYLATION),
    split="none: `hooke benchmark responses --tasks gdsc` holds out structures, lines and both",
    notes="r over all cells rewards the means of compounds: look at r within compounds and within lines as well",
)


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Dataset(datasets.Dataset[Config]):
    """Compounds in cell lines as rows, one read-out."""

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded; the methylation last."""
        return datasets.fetched(CARD.name, (*_FILES, _METHYLATION), how)

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read the responses into a store below `folder`, or open it if it is already there."""
        from hooke.cells.store import prepared

        content = [file.sha256 for file in (*_FILES, _METHYLATION)]
        return prepared(folder, CARD.name, content, lambda: read_responses(*self.files(how)))

    def methylation(self, how: How = How()) -> Profiles:
        """Of each line: (561, 808) shares of methylated copies."""
        return read_methylation(self.files(how)[-1])

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """Files of the same layout for twelve small molecules in ten made-up lines."""
        import numpy as np

        from hooke.cells.store import prepared
        from hooke.core.hashing import file_sha256
        from hooke.molecules.tables.twins import twin_smiles

        generator = np.random.default_rng(seed)
        smiles, lines = twin_smiles(12, seed=seed), [f"ACH-TWIN{line:02d}" for line in range(10)]
        values = generator.normal(size=(12, 1)) + generator.normal(size=10) + 0.3 * generator.normal(size=(12, 10))
        cells = np.where(generator.random((12, 10)) < 0.2, "NA", values.round(6).astype("<U12"))
        texts = [
            "\n".join([f'"",{",".join(lines)}', *(f"GDSC:{row},{','.join(cells[row])}" for row in range(12))]),
            "\n".join(f"{100 + row}\t{text}" for row, text in enumerate(smiles)),
            "\n".join(["drug_id,Name,PubCHEM", *(f"{row},twin {row},{100 + row}" for row in range(12))]),
            "\n".join([",R1,R2,R3", *(f"{line},{','.join(map(str, generator.random(3).round(4)))}" for line in lines)]),
        ]
        paths = [Path(folder) / f"twin-{seed}-{file.name}" for file in (*_FILES, _METHYLATION)]
        for path, text in zip(paths, texts, strict=True):
            write_durably(path, text + "\n")
        return prepared(folder, CARD.name, [file_sha256(path) for path in paths], lambda: read_responses(*paths))


def read_responses(responses: Path, structures: Path, compounds: Path, methylation: Path) -> Profiles:
    """What was measured of compounds with a structure in lines with methylation.

    Raises:
        DataError: A table is not what it should be, or nothing is left.
    """
    import numpy as np
    import polars as pl

    from hooke.cells.profiles import Profiles

    table, lines = _table(responses), read_methylation(methylation).column("cell_type").tolist()
    smiles = dict(_table(structures, separator="\t", has_header=False).select(pl.nth(0), pl.nth(1)).iter_rows())
    listed = {row["drug_id"]: row for row in _table(compounds).iter_rows(named=True)}
    numbers = [str(name).rpartition(":")[2] for name in table[table.columns[0]]]
    kept = [row for row, number in enumerate(numbers) if listed.get(number, {}).get("PubCHEM") in smiles]
    known = [line for line in lines if line in table.columns]
    if not kept or not known:
        raise DataError(f"{responses} has no compound with a structure in a line with methylation")
    values = table[kept].select(pl.col(known).cast(pl.Float64, strict=False)).to_numpy()
    row, column = np.nonzero(np.isfinite(values))
    about = pl.DataFrame({
        "entity": [f"GDSC:{numbers[row]}" for row in kept], "compound": [listed[numbers[row]]["Name"] for row in kept],
        "smiles": [smiles[listed[numbers[row]]["PubCHEM"]] for row in kept],
    })  # fmt: skip
    metadata = about[row].with_columns(
        pl.Series("cell_type", [known[place] for place in column]), kind=pl.lit("compound")
    )
    return Profiles(np.asarray(values[row, column, None], np.float32), metadata, ("ln_ic50",))


def read_methylation(path: Path) -> Profiles:
    """Lines by methylated regions, with the line as cell_type.

    Raises:
        DataError: It is not such a table.
    """
    import polars as pl

    from hooke.cells.profiles import Profiles

    table = _table(path)
    features = tuple(table.columns[1:])
    values = table.select(pl.col(features).cast(pl.Float32, strict=False)).to_numpy()
    return Profiles(values, pl.DataFrame({"cell_type": table[table.columns[0]]}), features)


def _table(path: Path, **options: Any) -> pl.DataFrame:
    import polars as pl

    from hooke.core.reading import reading

    with reading(path, "a table of drug responses"):
        return pl.read_csv(path, infer_schema=False, null_values="NA", **options)
