"""TDC's ADMET group: 22 tables with their official test rows, one label each, in one archive.

The archive holds a folder a table with `train_val.csv` and `test.csv`, columns `Drug_ID`, `Drug` (SMILES) and `Y`. TDC draws validation rows
from `train_val.csv` by seed; here a recipe or a suite does. Rows are kept as they are, equal molecules too.

Source: Huang et al. 2021 (arXiv 2102.09548); names, metrics and address: github.com/mims-harvard/TDC, tdc/metadata.py (commit 0858120) and
tdc/benchmark_group/base_group.py.
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

ARCHIVE = RemoteFile(
    "admet_group.zip",
    "https://dataverse.harvard.edu/api/access/datafile/4426004",
    mirror_path="admet/admet_group.zip",
)
PARTS = {"train_val.csv": "train", "test.csv": "test"}


def _table(name: str, metric: str, unit: str = "") -> Table:
    kind = "binary" if metric in ("roc_auc", "average_precision") else "regression"
    label = Label(name, kind=kind, unit=unit, source=name)  # type: ignore[arg-type]
    files = tuple(RemoteFile(f"{name}/{file}") for file in PARTS)
    return Table((("Y", label),), "Drug", files, tuple(PARTS.values()), metric=metric, duplicates="keep_all")


_CLASSES = {
    "roc_auc": (
        "hia_hou", "pgp_broccatelli", "bioavailability_ma", "bbb_martins", "cyp3a4_substrate_carbonmangels", "herg", "ames", "dili",
    ),
    "average_precision": (
        "cyp2c9_veith", "cyp2d6_veith", "cyp3a4_veith", "cyp2c9_substrate_carbonmangels", "cyp2d6_substrate_carbonmangels",
    ),
}  # fmt: skip
TABLES: dict[str, Table] = {
    "caco2_wang": _table("caco2_wang", "mae", "log10 cm/s"),
    "lipophilicity_astrazeneca": _table("lipophilicity_astrazeneca", "mae", "log D"),
    "solubility_aqsoldb": _table("solubility_aqsoldb", "mae", "log10 mol/L"),
    "ppbr_az": _table("ppbr_az", "mae", "%"),
    "ld50_zhu": _table("ld50_zhu", "mae", "log10 kg/mol"),
    "vdss_lombardo": _table("vdss_lombardo", "spearman", "L/kg"),
    "half_life_obach": _table("half_life_obach", "spearman", "h"),
    "clearance_hepatocyte_az": _table("clearance_hepatocyte_az", "spearman", "µL/min/10^6 cells"),
    "clearance_microsome_az": _table("clearance_microsome_az", "spearman", "mL/min/g"),
    **{name: _table(name, metric) for metric, names in _CLASSES.items() for name in names},
}
CARD = Card(
    name="tdc_admet",
    title="TDC's ADMET group: 22 tables with official test rows",
    description="One table at a time: table=" + ", ".join(TABLES) + ".",
    modality="molecules",
    source="Harvard Dataverse, data file 4426004, as github.com/mims-harvard/TDC names it (tdc/metadata.py)",
    licence="not checked: TDC's pages state one for each table",
    citation="tdc_admet",
    size="22 tables, 1 label each",
    files=(ARCHIVE,),
    split="published: test.csv of each table; validation rows are drawn from train_val.csv",
    notes=(
        "Neither archive nor rows were seen when this was written: layout and columns are those that TDC's code reads, and the SHA-256 sum is "
        "pinned at the first download, unverified until then. The tables of `admet` are other ones."
    ),
)


@dataclass(frozen=True)
class Config:
    """Which table."""

    table: str = "caco2_wang"

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise UnknownNameError("table of tdc_admet", self.table, TABLES)


class Dataset(datasets.TableDataset[Config]):
    """One table of TDC's ADMET group as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, CARD.name, {config.table: TABLES[config.table]})

    def files(self, how: How = How()) -> list[Path]:
        """Both files of the table, taken out of the archive.

        Raises:
            DataError: The archive is not at hand, damaged, or lacks them.
        """
        from hooke.core.archives import extract
        from hooke.core.download import fetch
        from hooke.core.paths import cache_folder

        folder = cache_folder() / "raw" / self.name
        archive = fetch(ARCHIVE, folder, show_progress=how.show_progress)
        return [extract(archive, file.name, folder) for table in self.tables.values() for file in table.files]
