"""L1000 over-expression: consensus signatures of genes that were over-expressed, over the landmark genes that are significant.

Rows are genes with at least 15 significant landmarks, read-outs the 978 measured landmarks; a landmark that is not significant after
Bonferroni is 0, as the published table lists significant ones alone. Genes are named by their symbols.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import DataError
from hooke.core.files import write_durably
from hooke.core.how import How

if TYPE_CHECKING:
    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore

_LINCS = "https://raw.githubusercontent.com/dhimmel/lincs/726793b5ce36576f6f17a0e015a4196113da270c/data/"
_FILES = (
    RemoteFile(
        "dysreg-overexpression.tsv", _LINCS + "consensi/signif/dysreg-overexpression.tsv",
        "5049fff8ea3ed3c61a1469a0d078f4b2a8cd2b377ff87089a83435edb0fa0b0b", "perturbation/l1000/dysreg-overexpression.tsv.gz", 1_702_904,
    ),
    RemoteFile(
        "genes.tsv", _LINCS + "consensi/genes.tsv", "4b79462a64302bbcc944762b7196441b5b11efae08019370b6564db366a7da0c",
        "perturbation/l1000/genes.tsv.gz", 538_465,
    ),
    RemoteFile(
        "geneinfo.tsv.gz", _LINCS + "geneinfo/geneinfo.tsv.gz", "9a3e544a5bb1926721edc12a1bf3b6830b47a32c5f3ce5d840e3d0f2df046c0a",
        "perturbation/l1000/geneinfo.tsv.gz", 482_059,
    ),
)  # fmt: skip
CARD = Card(
    name="l1000_overexpression",
    title="L1000: signatures of over-expressed genes",
    description="Significant consensus z-scores of 978 landmark genes after over-expression of 275 genes.",
    modality="cells",
    source="github.com/dhimmel/lincs (commit 726793b), consensus signatures of LINCS L1000",
    licence="CC BY 4.0 (LINCS data and derivatives), CC0 (the repository's own content)",
    citation="l1000",
    size="275 genes, 978 landmarks",
    levels=("profile",),
    files=_FILES,
    split="none: `hooke benchmark responses --tasks l1000_overexpression` holds out genes",
    notes="a negative control of models with graphs: neighbours do not have like signatures here",
)


@dataclass(frozen=True)
class Config:
    """Which genes."""

    least: int = 15  # significant landmarks of a gene


class Dataset(datasets.Dataset[Config]):
    """Over-expressed genes as rows."""

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded."""
        return datasets.fetched(CARD.name, _FILES, how)

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read the signatures into a store below `folder`, or open it if it is already there."""
        from hooke.cells.store import prepared

        content = [self.config.least, *(file.sha256 for file in _FILES)]
        return prepared(folder, CARD.name, content, lambda: read_signatures(*self.files(how), least=self.config.least))

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """Files of the same layout for twelve made-up genes and 40 landmarks."""
        import numpy as np

        from hooke.cells.store import prepared
        from hooke.core.hashing import file_sha256

        generator = np.random.default_rng(seed)
        genes = [f"{number}\tmeasured\tTWIN{number}" for number in range(1, 41)]
        rows = [
            f"{gene}\t{landmark}\t{generator.normal(scale=5):.3f}\tmeasured"
            for gene in range(101, 113) for landmark in sorted(generator.choice(40, self.config.least + gene % 5, replace=False) + 1)
        ]  # fmt: skip
        texts = [
            "\n".join(
                [
                    "perturbagen\tentrez_gene_id\tz_score\tstatus",
                    *rows,
                    "200\t1\t4.0\tmeasured",
                    "101\t41\t4.0\timputed",
                ]
            ),
            "\n".join(["entrez_gene_id\tstatus\tsymbol", *genes, "41\timputed\tTWIN41"]),
            "\n".join(["pr_gene_id\tpr_gene_symbol", *(f"{gene}\tOVER{gene}" for gene in range(101, 113))]),
        ]
        paths = [Path(folder) / f"twin-{seed}-{file.name.removesuffix('.gz')}" for file in _FILES]
        for path, text in zip(paths, texts, strict=True):
            write_durably(path, text + "\n")
        content = [self.config.least, *(file_sha256(path) for path in paths)]
        return prepared(folder, CARD.name, content, lambda: read_signatures(*paths, least=self.config.least))


def read_signatures(signatures: Path, landmarks: Path, symbols: Path, *, least: int) -> Profiles:
    """Genes with at least so many significant landmarks, by their symbols.

    Raises:
        DataError: A table is not what it should be, or no gene is left.
    """
    import numpy as np
    import polars as pl

    from hooke.cells.profiles import Profiles
    from hooke.core.reading import reading

    with reading(signatures, "signatures of LINCS"):
        table = pl.read_csv(signatures, separator="\t", infer_schema=False).filter(pl.col("status") == "measured")
        table = table.with_columns(pl.col("z_score").cast(pl.Float64))
        listed = pl.read_csv(landmarks, separator="\t", quote_char=None, infer_schema=False)
        named = pl.read_csv(symbols, separator="\t", quote_char=None, infer_schema=False)
    readouts = listed.filter(pl.col("status") == "measured")["entrez_gene_id"].to_list()
    symbol_of = {
        **dict(listed.select("entrez_gene_id", "symbol").iter_rows()),
        **dict(named.select("pr_gene_id", "pr_gene_symbol").iter_rows()),
    }
    counts = table.group_by("perturbagen").len().filter(pl.col("len") >= least)
    genes = sorted((gene for gene in counts["perturbagen"] if symbol_of.get(gene)), key=lambda gene: symbol_of[gene])
    if not genes:
        raise DataError(f"{signatures} has no gene with {least} significant landmarks")
    row, column = ({name: place for place, name in enumerate(names)} for names in (genes, readouts))
    values = np.zeros((len(genes), len(readouts)), np.float32)
    for gene, landmark, score in table.select("perturbagen", "entrez_gene_id", "z_score").iter_rows():
        if gene in row and landmark in column:
            values[row[gene], column[landmark]] = score
    names = [symbol_of[gene] for gene in genes]
    metadata = pl.DataFrame({"gene": names, "entity": names, "kind": ["gene"] * len(names)})
    return Profiles(values, metadata, tuple(symbol_of[landmark] for landmark in readouts))
