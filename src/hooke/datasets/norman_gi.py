"""Norman 2019: growth of K562 cells with pairs of genes switched on (CRISPRa), every pair of 112 genes, two replicates.

A row is a gene alone or a pair: the mean over both orders and all pairs of guides of log2 growth in each of the two replicates. A gene alone
is its mean with the non-targeting guides; pairs of a gene with itself are left out.
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
    import polars as pl

    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore

_ADDRESS = "https://raw.githubusercontent.com/thomasmaxwellnorman/Perturbseq_GI/525e2ccd4e1339ab636e8c7539f6d0c772343432/final_emaps/"
_NEGATIVE = "negative"


def _file(name: str, folder: str, sha256: str, size_bytes: int) -> RemoteFile:
    return RemoteFile(name, f"{_ADDRESS}{folder}/{name}", sha256, f"perturbation/norman_gi/{name}.gz", size_bytes)


_FILES = (
    _file(
        "CRISPRa_K562_replicate1_phenotypeMatrix.txt", "filter15",
        "21e91fceeafbd4e03c9c5b3a5a69f413df96668b7e18a354f18b65b62766d193", 843_025,
    ),
    _file(
        "CRISPRa_K562_replicate2_phenotypeMatrix.txt", "filter15",
        "fae079935656a4f6543dacfd6701da652b1bb9f2e32ea76b88370a86fe51630c", 842_707,
    ),
    _file(
        "CRISPRa_K562_sgRNA_to_gene.txt", "filter0",
        "aa4df79dfc79f041ab10476c47a8b17ac4a1967832ce9cd844c06d2273ab0159", 7_480,
    ),
)  # fmt: skip
CARD = Card(
    name="norman_gi",
    title="Norman 2019: growth with pairs of genes switched on",
    description="Log2 growth of K562 cells (CRISPRa) for 112 genes alone and all their pairs, in two replicates.",
    modality="cells",
    source="github.com/thomasmaxwellnorman/Perturbseq_GI (final_emaps)",
    licence="LGPL-3.0 (repository); data of Norman et al. 2019; not shipped",
    citation="norman_gi",
    size="112 genes and 6,216 pairs, 2 replicates",
    levels=("profile",),
    files=_FILES,
    split="none: `hooke benchmark responses --tasks norman_gi` holds out pairs",
    notes="a single gene is its mean with the non-targeting guides of the same matrix",
)


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Dataset(datasets.Dataset[Config]):
    """Genes and pairs as rows, replicates as read-outs."""

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded."""
        return datasets.fetched(CARD.name, _FILES, how)

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read both replicates into a store below `folder`, or open it if it is already there."""
        from hooke.cells.store import prepared

        return prepared(folder, CARD.name, [file.sha256 for file in _FILES], lambda: read_growth(*self.files(how)))

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """Files of the same layout for ten made-up genes with two guides each; growth bends with the sum of the single effects."""
        import numpy as np
        import polars as pl

        from hooke.cells.store import prepared
        from hooke.core.hashing import file_sha256

        generator = np.random.default_rng(seed)
        genes = [*(f"TWIN{gene}" for gene in range(10)), _NEGATIVE]
        guides = [f"{gene}_guide{number}" for gene in genes for number in (1, 2)]
        single = np.append(-np.abs(generator.normal(scale=0.2, size=10)), 0.0)
        pattern = generator.normal(scale=0.05, size=11)
        paths = [Path(folder) / f"twin-{seed}-{file.name}" for file in _FILES]
        for path in paths[:2]:
            total = np.add.outer(single, single)
            growth = total + 0.4 * total**2 + np.outer(pattern, pattern) / 0.05
            growth[-1], growth[:, -1] = single, single
            noisy = np.repeat(np.repeat(growth, 2, axis=0), 2, axis=1) + 0.02 * generator.normal(size=(22, 22))
            table = pl.DataFrame({"": guides, **{guide: noisy[:, place] for place, guide in enumerate(guides)}})
            write_durably(path, table.write_csv(separator="\t"))
        lines = ["\tgene", *(f"{guide}\t{guide.rpartition('_')[0]}" for guide in guides)]
        write_durably(paths[2], "\n".join(lines) + "\n")
        return prepared(folder, CARD.name, [file_sha256(path) for path in paths], lambda: read_growth(*paths))


def read_growth(first: Path, second: Path, guides: Path) -> Profiles:
    """Two matrices of guides by guides, and the gene of each guide, as rows of genes and pairs.

    Raises:
        DataError: It is not such a matrix, a guide has no gene, or there are no non-targeting guides.
    """
    import numpy as np
    import polars as pl

    from hooke.cells.profiles import Profiles

    gene_of = dict(_table(guides).select(pl.nth(0), pl.nth(1)).iter_rows())
    replicates = []
    genes: list[str] = []
    for path in (first, second):
        table = _table(path)
        names = table.columns[1:]
        if table[table.columns[0]].to_list() != names:
            raise DataError(f"{path} is not a matrix of guides by the same guides")
        if unknown := [name for name in names if name not in gene_of]:
            raise DataError(f"{path} has {len(unknown)} guides without a gene, such as {unknown[0]!r}")
        values = table.select(pl.col(names).cast(pl.Float64, strict=False)).to_numpy()
        genes = sorted({gene_of[name] for name in names})
        members = np.array([[gene_of[name] == gene for name in names] for gene in genes], np.float64)
        known = np.isfinite(values)
        total, count = members @ np.where(known, values, 0.0) @ members.T, members @ known @ members.T
        total, count = total + total.T, count + count.T
        replicates.append(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))
    if _NEGATIVE not in genes:
        raise DataError(f"{first} has no non-targeting guides ({_NEGATIVE!r})")
    negative = genes.index(_NEGATIVE)
    low, high = np.triu_indices(len(genes), 1)
    alone = (low == negative) | (high == negative)
    names_of = [
        (genes[high[place] if low[place] == negative else low[place]],)
        if alone[place]
        else (genes[low[place]], genes[high[place]])
        for place in range(len(low))
    ]
    entity = ["+".join(parts) for parts in names_of]
    metadata = pl.DataFrame(
        {"entity": entity, "perturbation": entity, "kind": ["gene" if one else "pair" for one in alone]}
    )
    values = np.stack([replicate[low, high] for replicate in replicates], axis=1)
    order = np.argsort(np.array(entity), kind="stable")
    return Profiles(values[order], metadata[order], ("replicate1", "replicate2"))


def _table(path: Path) -> pl.DataFrame:
    import polars as pl

    from hooke.core.reading import reading

    with reading(path, "a table of guides"):
        return pl.read_csv(path, separator="\t", infer_schema=False)
