"""Sets of genes by name (pathways, processes): files in GMT format, and the biological processes of Gene Ontology.

Source: Gene Ontology as Enrichr's library of 2021, github.com/zqfang/GSEApy (tests/extdata, commit 476d0aa); Ashburner et al. 2000.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import scipy.sparse

from hooke.cells.profiles import refuse_pointer
from hooke.core.cards import RemoteFile
from hooke.core.errors import DataError
from hooke.core.reading import read_bytes, reading

DEFAULT = "go"
_FILE = RemoteFile(
    "enrichr.GO_Biological_Process_2021.gmt",
    "https://raw.githubusercontent.com/zqfang/GSEApy/476d0aabb275ffd9b764b5035b085d8a2897fbee/tests/extdata/enrichr.GO_Biological_Process_2021.gmt",
    "5987ce789053fdd5533393cd65b9abdb5e08e4fade7b0625a1fe234a1207eea4",
    "relationships/GO_Biological_Process_2021.gmt.gz",
    1_531_081,
)


def read_gmt(path: Path) -> dict[str, tuple[str, ...]]:
    """Read name, description and genes of each line, separated by tabs; genes in the order of the file, each once.

    Raises:
        DataError: It is missing, damaged or no such file, or a name is repeated.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {path} with sets of genes")
    refuse_pointer(path)
    found: dict[str, tuple[str, ...]] = {}
    with reading(path, "sets of genes (GMT)"):
        lines = read_bytes(path).decode().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, *rest = (part.strip() for part in line.split("\t"))
        genes = tuple(dict.fromkeys(gene.partition(",")[0] for gene in rest[1:] if gene))
        if not name or not genes:
            raise DataError(f"{path}, line {number}: a set has a name, a description and genes, separated by tabs")
        if name in found:
            raise DataError(f"{path}, line {number}: the set {name!r} is there twice")
        found[name] = genes
    if not found:
        raise DataError(f"{path} holds no set of genes")
    return found


def known_gene_sets(asked: str = DEFAULT, *, show_progress: bool = True) -> dict[str, tuple[str, ...]]:
    """Sets of genes.

    Args:
        asked: "go" (biological processes, from the mirror or downloaded), "none", or a file (.gmt).
        show_progress: Show downloads.

    Raises:
        DataError: The file is at fault.
    """
    from hooke.core.download import fetch
    from hooke.core.paths import cache_folder

    if asked == "none":
        return {}
    if asked != DEFAULT:
        return read_gmt(Path(asked))
    return read_gmt(fetch(_FILE, cache_folder() / "raw" / "relationships", show_progress=show_progress))


def memberships(sets: Mapping[str, Sequence[str]], genes: Sequence[str]) -> scipy.sparse.csr_array:
    """(sets, genes) float64: 1 where a gene is in a set."""
    place = {gene: column for column, gene in enumerate(genes)}
    cells = [(row, place[gene]) for row, members in enumerate(sets.values()) for gene in members if gene in place]
    rows, columns = np.array(cells, np.int64).reshape(-1, 2).T
    return scipy.sparse.csr_array((np.ones(len(cells)), (rows, columns)), shape=(len(sets), len(genes)))
