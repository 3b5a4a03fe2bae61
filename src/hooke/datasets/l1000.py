"""L1000: how many genes 13,072 compounds of LINCS turn up or down, as Himmelstein et al. counted them over all cell lines, doses and times.

The published summary counts, for each compound, the genes whose consensus z-score (Stouffer's, over the compound's gold signatures) is
significant after Bonferroni: of the 978 that are measured, and of 6,489 that are imputed from those (their counts stop at 1,000 both ways
together). It joins its structure by `pert_id`. A label is log10(1 + count).

- A compound with gold signatures that the summary does not name has no significant gene (the summary lists what it found): four zeros.
- Compounds without a gold signature are not measured, and knock-downs, over-expressions and ligands have no structure: no rows.
- Compounds without a structure are rows with an empty SMILES, so that a store names them among its rejected rows.

Left out on purpose are expression values of single genes: the one plate of them that mirrors hold (377 wells, A375, 24 h) has 47 compounds
of known structure, each with one well a dose, too few for 978 labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.files import write_durably
from hooke.core.how import How
from hooke.core.label import Label
from hooke.molecules.tables.description import Table

if TYPE_CHECKING:
    import polars as pl

_LINCS = "https://raw.githubusercontent.com/dhimmel/lincs/726793b5ce36576f6f17a0e015a4196113da270c/data/"
_COMPOUNDS = RemoteFile(
    "pertinfo.tsv.gz", _LINCS + "pertinfo/pertinfo.tsv.gz",
    "0a14bd9228851c38a5233f8aa09302d4fdd357fdbb1adeaf2d745f69e24bbff8", "perturbation/l1000/pertinfo.tsv.gz", 2_957_269,
)  # fmt: skip
_COUNTS = RemoteFile(
    "dysreg-pert_id-summary.tsv", _LINCS + "consensi/signif/dysreg-pert_id-summary.tsv",
    "533253bb289520071738fb0fc015389cf41d4775aac455e9467ab3b03bd7761a",
    "perturbation/l1000/dysreg-pert_id-summary.tsv.gz", 829_104,
)  # fmt: skip
_COLUMNS = ("down-measured", "up-measured", "down-imputed", "up-imputed")
_UNKNOWN = "-666"  # how LINCS writes that it does not know
LABELS = {column: Label(column.replace("-", "_"), unit="log10(1 + genes)") for column in _COLUMNS}
_SMILES = "canonical_smiles"
CARD = Card(
    name="l1000",
    title="L1000: numbers of genes that compounds turn up or down",
    description="Counts of significantly dysregulated genes, measured and imputed, of the LINCS compounds, as log10(1 + count).",
    modality="molecules",
    source="github.com/dhimmel/lincs (commit 726793b), consensus signatures of LINCS L1000",
    licence="CC BY 4.0 (LINCS data and derivatives), CC0 (the repository's own content)",
    citation="l1000",
    size="13,072 compounds, 78 of them without a structure; 4 labels",
    files=(_COMPOUNDS, _COUNTS),
    split="none",
    notes=(
        "Counts also grow with the number of signatures that a compound has (correlation of the logarithms 0.5). Stereoisomers are "
        "compounds of their own. Attribute LINCS L1000 and the repository."
    ),
)


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Dataset(datasets.TableDataset[Config]):
    """The compounds as a store."""

    def __init__(self, config: Config) -> None:
        columns = tuple((label.name, label) for label in LABELS.values())
        super().__init__(config, CARD.name, {CARD.name: Table(columns, "smiles", (_COMPOUNDS, _COUNTS), metric="mae")})

    def at_hand(self, folder: Path, how: How = How()) -> list[Table]:
        """One table of all measured compounds, written below `folder`."""
        return self._joined(self.files(how), folder)

    def twins(self, folder: Path, seed: int = 0) -> list[Table]:
        """The table of both files for small real molecules, with counts computed from their structure."""
        return self._joined(_write_twins(Path(folder) / "files", seed), folder)

    def _joined(self, paths: list[Path], folder: Path) -> list[Table]:
        from hooke.core.files import write_durably

        path = Path(folder) / "tables" / f"{CARD.name}.csv"
        write_durably(path, joined(*paths).write_csv(quote_style="never"))
        return [replace(self.tables[CARD.name], paths=(path,))]


def _read(path: Path) -> pl.DataFrame:
    import polars as pl

    return pl.read_csv(path, separator="\t", quote_char=None, infer_schema=False)


def joined(compounds: Path, counts: Path) -> pl.DataFrame:
    """One row a compound with a gold signature, in the order of the first file: `pert_id`, `smiles`, labels in log10(1 + genes)."""
    import polars as pl

    measured = _read(compounds).filter(pl.col("pert_type") == "trt_cp", pl.col("num_gold").cast(pl.Int64) > 0)
    table = measured.join(_read(counts), left_on="pert_id", right_on="perturbagen", how="left", maintain_order="left")
    labels = (
        pl.col(column).cast(pl.Float64).fill_null(0).add(1).log(10).round(6).alias(label.name)
        for column, label in LABELS.items()
    )
    return table.select("pert_id", pl.col(_SMILES).replace(_UNKNOWN, "").fill_null("").alias("smiles"), *labels)


def _write_twins(folder: Path, seed: int) -> list[Path]:
    """Twins of both files, with one row of each kind that the real ones hold."""
    import numpy as np
    import polars as pl

    from hooke.molecules.tables.twins import ROWS, twin_smiles, twin_value

    smiles, generator = twin_smiles(ROWS, seed=seed), np.random.default_rng(seed)
    names = [f"BRD-TWIN{number:02d}" for number in range(ROWS)]
    counts = {
        column: [int(10 ** max(0.0, min(3.0, twin_value(text, label, generator)))) for text in smiles]
        for column, label in LABELS.items()
    }
    information = pl.DataFrame(
        {
            "pert_id": [*names, "BRD-UNKNOWN", "TRC-KNOCKDOWN"],
            "pert_type": [*["trt_cp"] * (ROWS + 1), "trt_sh"],
            "num_gold": [*[2] * (ROWS - 1), 0, 1, 1],
            _SMILES: [*smiles, _UNKNOWN, None],
        }
    )
    summary = pl.DataFrame({"perturbagen": names, **counts})[1:]  # the first compound has no significant gene
    paths = [folder / "pertinfo.tsv", folder / "dysreg-pert_id-summary.tsv"]
    folder.mkdir(parents=True, exist_ok=True)
    for frame, path in zip((information, summary), paths, strict=True):
        write_durably(path, frame.write_csv(separator="\t"))
    return paths
