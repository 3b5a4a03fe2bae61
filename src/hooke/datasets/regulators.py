"""Regulators in CD4 T cells: the effect of each of 84 genes, knocked out, on each of the others.

A row is a regulator, a read-out the gene whose expression changes (beta of the published edges). A regulator's effect on itself is not estimated
and is 0 here. `read_evidence` gives what the table says of each edge: posterior inclusion probability and local false sign rate.
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
    import numpy as np

    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore

_FILE = RemoteFile(
    "weinstock_edges.csv",
    "https://raw.githubusercontent.com/VibeCodingScientist/cd4-perturb-causal-jepa/658fe225971b7efd835d456ad744fe8b2f10ff9e/"
    "data/external/weinstock_edges.csv",
    "ac23a5068f5ecc207cad4ff3bd96574b7fd323c572c2c25534f626f9d717a47d",
    "relationships/causal/cd4_regulator_edges.csv.gz",
    292_731,
)
CARD = Card(
    name="regulators",
    title="Weinstock 2024: regulators in CD4 T cells",
    description="Effects of 84 regulators on one another in primary human CD4 T cells (CRISPR knock-outs), with the evidence of every edge.",
    modality="cells",
    source="github.com/VibeCodingScientist/cd4-perturb-causal-jepa (data/external), from Weinstock et al. 2024",
    licence="MIT (repository); the underlying publication has its own terms",
    citation="regulators",
    size="84 regulators, 6,972 directed pairs",
    levels=("profile",),
    files=(_FILE,),
    split="none: `hooke benchmark explanations --tasks regulators` holds out regulators",
    notes="most pairs have a small effect that is told from zero: an edge here is one with posterior inclusion probability above 1/2",
)
EVIDENCE = ("beta", "PIP", "LFSR")


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Dataset(datasets.Dataset[Config]):
    """Regulators as profiles of effects."""

    def files(self, how: How = How()) -> list[Path]:
        """The raw file, from the mirror or downloaded."""
        return datasets.fetched(CARD.name, [_FILE], how)

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read the table into a store below `folder`, or open it if it is already there."""
        from hooke.cells.store import prepared

        return prepared(folder, CARD.name, [_FILE.sha256], lambda: read_effects(*self.files(how)))

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """The same kind of table for twelve made-up regulators."""
        import numpy as np

        from hooke.cells.store import prepared
        from hooke.core.hashing import file_sha256

        generator = np.random.default_rng(seed)
        names = [f"TWIN{gene:02d}" for gene in range(12)]
        lines = ["parent_symbol,child_symbol,beta,PIP,LFSR"]
        for parent in names:
            for child in names:
                if parent != child:
                    beta, inclusion = generator.normal(scale=0.01), generator.random()
                    lines.append(f"{parent},{child},{beta:.6f},{inclusion:.3f},{(1 - inclusion) / 2:.4f}")
        path = Path(folder) / f"twin-{CARD.name}-{seed}.csv"
        write_durably(path, "\n".join(lines) + "\n")
        return prepared(folder, CARD.name, [file_sha256(path)], lambda: read_effects(path))


def read_evidence(path: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """Names of the genes, and (parents, children) float64 of beta, PIP and LFSR; NaN of a gene with itself.

    Raises:
        DataError: It is not such a table, or pairs are missing or repeated.
    """
    import numpy as np
    import polars as pl

    from hooke.core.reading import reading

    with reading(path, "a table of regulators and their effects"):
        table = pl.read_csv(path, schema_overrides=dict.fromkeys(EVIDENCE, pl.Float64)).select(
            "parent_symbol", "child_symbol", *EVIDENCE
        )
    if table.null_count().sum_horizontal()[0]:
        raise DataError(f"{path} has rows that lack a name or a number")
    names = sorted({*table["parent_symbol"], *table["child_symbol"]})
    place = {name: number for number, name in enumerate(names)}
    parent, child = (np.array([place[name] for name in table[end]]) for end in ("parent_symbol", "child_symbol"))
    pairs = np.unique(np.stack([parent, child]), axis=1).shape[1]
    if pairs != len(table) or len(table) != len(names) * (len(names) - 1) or (parent == child).any():
        raise DataError(
            f"{path} has {len(table)} rows of {pairs} pairs, where {len(names)} genes have {len(names) * (len(names) - 1)}"
        )
    found = {name: np.full((len(names), len(names)), np.nan) for name in EVIDENCE}
    for name, values in found.items():
        values[parent, child] = table[name].to_numpy()
    return names, found


def read_effects(path: Path) -> Profiles:
    """The effects as profiles.

    Raises:
        DataError: See `read_evidence`.
    """
    import numpy as np
    import polars as pl

    from hooke.cells.profiles import Profiles

    names, evidence = read_evidence(path)
    metadata = pl.DataFrame({"gene": names, "entity": names, "kind": ["gene"] * len(names)})
    return Profiles(np.nan_to_num(evidence["beta"]), metadata, tuple(f"effect_on_{name}" for name in names))
