"""Horlbeck 2018: genetic interactions of 449 genes in K562, every pair measured; a gene's profile is its row of scores.

The score of a gene with itself is not measured; it is set to the mean of its column. Values are as published: one table without replicates
or batches, so that there is nothing to correct here, only to whiten.
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

_FILE = RemoteFile(
    "ground_truth_Horlbeck.csv",
    "https://raw.githubusercontent.com/snap-stanford/BioDiscoveryAgent/19673c7371c542cfa155ffaa9047c53525f9fe2e/datasets/ground_truth_Horlbeck.csv",
    "c54185ba5b417353480dc322b51ac786727983298f5fe115d1341d3c6e90f50e",
    "perturbation/crispr_screens/ground_truth_Horlbeck.csv.gz",
    3_673_321,
)
CARD = Card(
    name="horlbeck",
    title="Horlbeck 2018: genetic interactions of 449 genes",
    description="Interaction scores of all pairs of 449 genes in K562 cells (CRISPRi); the profile of a gene is its row.",
    modality="cells",
    source="github.com/snap-stanford/BioDiscoveryAgent (datasets/, commit 19673c7), from Horlbeck et al. 2018",
    licence="MIT (repository); the underlying publication has its own terms",
    citation="horlbeck",
    size="449 genes, 449 interaction scores each",
    levels=("profile",),
    files=(_FILE,),
    split="none: it is a map, to be compared with known relations",
    notes="no replicates and no batches: relationship recall compares raw with whitened profiles",
)


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Dataset(datasets.Dataset[Config]):
    """The genes as profiles."""

    def files(self, how: How = How()) -> list[Path]:
        """The raw file, from the mirror or downloaded."""
        return datasets.fetched(CARD.name, [_FILE], how)

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read the table into a store below `folder`, or open it if it is already there."""
        from hooke.cells.store import prepared

        return prepared(folder, CARD.name, [_FILE.sha256], lambda: read_interactions(*self.files(how)))

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """The same kind of table for made-up genes: members of one module interact alike with all others."""
        import numpy as np

        from hooke.cells.store import prepared
        from hooke.core.hashing import file_sha256

        generator = np.random.default_rng(seed)
        modules = np.arange(48) // 4
        pattern = generator.normal(size=(12, 12))
        scores = (pattern + pattern.T)[np.ix_(modules, modules)] + 0.5 * generator.normal(size=(48, 48))
        names = [f"TWIN{gene:02d}" for gene in range(48)]
        lines = ["Gene_pairs,Score"]
        for first in range(48):
            lines += [
                f"\"('{names[first]}', '{names[second]}')\",{scores[first, second]:.6f}"
                for second in range(first + 1, 48)
            ]
        path = Path(folder) / f"twin-{CARD.name}-{seed}.csv"
        write_durably(path, "\n".join(lines) + "\n")
        return prepared(folder, CARD.name, [file_sha256(path)], lambda: read_interactions(path))


def read_interactions(path: Path) -> Profiles:
    """Read a table of pairs "('A', 'B')" and scores as a symmetric matrix.

    Raises:
        DataError: It is not such a table, or pairs are missing.
    """
    import numpy as np
    import polars as pl

    from hooke.cells.profiles import Profiles

    try:
        table = pl.read_csv(path, schema_overrides={"Score": pl.Float64}).select(
            pl.col("Gene_pairs").str.extract(r"^\('([^']+)',").alias("first"),
            pl.col("Gene_pairs").str.extract(r", '([^']+)'\)$").alias("second"),
            "Score",
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} is not a table of gene pairs and scores: {error}") from error
    if table.null_count().sum_horizontal()[0]:
        raise DataError(f"{path} has rows that are no pair of genes with a score")
    genes, places = np.unique(
        np.concatenate([table["first"].to_numpy(), table["second"].to_numpy()]).astype(str), return_inverse=True
    )
    first, second = np.split(places, 2)
    scores = np.full((len(genes), len(genes)), np.nan)
    scores[first, second] = scores[second, first] = table["Score"].to_numpy()
    off = ~np.eye(len(genes), dtype=bool)
    if np.isnan(scores[off]).any():
        raise DataError(f"{path} lacks {int(np.isnan(scores[off]).sum() // 2)} pairs of its {len(genes)} genes")
    np.fill_diagonal(scores, np.nanmean(scores, axis=0))
    metadata = pl.DataFrame({"gene": genes, "entity": genes, "kind": ["gene"] * len(genes)})
    return Profiles(scores, metadata, tuple(f"with_{gene}" for gene in genes))
