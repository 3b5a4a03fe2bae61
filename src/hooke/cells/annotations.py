"""Known relations between genes: five sources of pairs, and protein complexes, as EFAAR publishes them.

Pairs are undirected and unique here: the files list many of them in both orders, others in one only.

Source: github.com/recursionpharma/EFAAR_benchmarking, efaar_benchmarking/benchmark_annotations, commit 2248f40.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hooke.cells.profiles import refuse_pointer
from hooke.core.cards import RemoteFile
from hooke.core.errors import DataError, UnknownNameError
from hooke.core.options import choose
from hooke.core.reading import check_text_table, read_bytes, reading
from hooke.evaluate.known_pairs import KnownPairs, unique_pairs

_ADDRESS = (
    "https://raw.githubusercontent.com/recursionpharma/EFAAR_benchmarking/2248f400630abfb711bb442be7e29a34c70d4720/"
    "efaar_benchmarking/benchmark_annotations/"
)


@dataclass(frozen=True)
class Source:
    """One source of known pairs: its file, the licence of the database, and its number of unique undirected pairs."""

    file: RemoteFile
    licence: str
    pairs: int


def _file(name: str, sha256: str, size_bytes: int) -> RemoteFile:
    return RemoteFile(name, _ADDRESS + name, sha256, f"relationships/efaar/{name}.gz", size_bytes)


SOURCES: dict[str, Source] = {
    "CORUM": Source(
        _file("CORUM.txt", "edaafc77a184ef452996d211e9fe1699615315a36e1efc9d602042c06168a695", 928_150),
        "CC BY-NC 4.0 (non-commercial)", 37_649,
    ),
    "HuMAP": Source(
        _file("HuMAP.txt", "6d08074df77f1a7274e754bc6e5e29aa438004bec0a13cbfb934c2c81328f3c4", 1_452_420),
        "CC BY 4.0", 58_538,
    ),
    "Reactome": Source(
        _file("Reactome.txt", "ed3cd0fc32d2fe3510f167e9df39668bc9637348d78787615d3f970b2b862e70", 267_969),
        "CC0", 18_565,
    ),
    "SIGNOR": Source(
        _file("SIGNOR.txt", "00525d3a90198378b54c5c3093374d5c9ee0550bbd799f06b443512a465bcad3", 141_437),
        "CC BY-NC 4.0 (non-commercial)", 11_617,
    ),
    "StringDB": Source(
        _file("StringDB.txt", "7955c846a551530c07b1eb508404cf15ef0b77ea39ad2368ed40c5c099dedb8c", 1_412_650),
        "CC BY 4.0", 58_059,
    ),
}  # fmt: skip
_PAIR_FILES = (".csv", ".txt", ".gz")
COMPLEXES = _file("CORUM_clusters.tsv", "caab1d3db6fa694c001f41e2973492d248ea3936a1249be3bf497648071f5c99", 140_353)


def read_pairs(path: Path, name: str) -> KnownPairs:
    """Read a file of pairs with the columns entity1 and entity2, gzipped or not.

    Raises:
        DataError: It is missing, a Git LFS pointer, or lacks the columns.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {path} with the pairs of {name}")
    refuse_pointer(path)
    with reading(path, "a table with the columns entity1 and entity2"):
        check_text_table(path)
        table = pl.read_csv(path, columns=["entity1", "entity2"], infer_schema=False)
    table = table.drop_nulls()
    return unique_pairs(name, table["entity1"], table["entity2"])


def known_pairs(sources: Sequence[str] | str = "all", *, show_progress: bool = True) -> dict[str, KnownPairs]:
    """Pairs of some sources, from the mirror or downloaded, or of one's own files.

    Args:
        sources: "all", or names, each matched whole, and files (.csv, .txt, .gz) with the columns entity1 and entity2.
        show_progress: Show downloads.

    Raises:
        UnknownNameError: No such source; the message offers the nearest.
        DataError: A file is missing or holds no pairs.
    """
    from hooke.core.download import fetch
    from hooke.core.paths import cache_folder

    asked = [part.strip() for part in sources.split(",")] if isinstance(sources, str) else list(sources)
    files = [Path(part) for part in asked if part.endswith(_PAIR_FILES)]
    found = {path.name.split(".")[0]: read_pairs(path, path.name) for path in files}
    named = [part for part in asked if not part.endswith(_PAIR_FILES)]
    if files and not named:
        return found
    for name, source in choose("source of known relations", ",".join(named), SOURCES).items():
        path = fetch(source.file, cache_folder() / "raw" / "relationships", show_progress=show_progress)
        found[name] = read_pairs(path, name)
    return found


def overlap(sources: Mapping[str, KnownPairs]) -> dict[int, int]:
    """How many pairs are in at least k of the sources, for k = 1 ... number of sources; k = 1 counts the union."""
    tables = [pl.DataFrame({"first": pairs.first, "second": pairs.second}) for pairs in sources.values()]
    counts = pl.concat(tables).group_by("first", "second").len()["len"].to_numpy()
    return {least: int((counts >= least).sum()) for least in range(1, len(tables) + 1)}


def complexes(*, show_progress: bool = True) -> dict[str, tuple[str, ...]]:
    """Protein complexes of CORUM (non-commercial licence): name -> genes, from the mirror or downloaded."""
    from hooke.core.download import fetch
    from hooke.core.paths import cache_folder

    path = fetch(COMPLEXES, cache_folder() / "raw" / "relationships", show_progress=show_progress)
    refuse_pointer(path)
    with reading(path, "complexes"):
        return dict(_complex(line, path) for line in read_bytes(path).decode().splitlines() if line.strip())


def _complex(line: str, path: Path) -> tuple[str, tuple[str, ...]]:
    name, tab, genes = line.strip().partition("\t")
    if not tab or not genes.strip():
        raise DataError(f"{path} has a line without a name and genes: {line[:60]!r}")
    return name, tuple(sorted(set(genes.split())))


def licence(source: str) -> str:
    """The licence of a source, for the card of whatever is computed with it.

    Raises:
        UnknownNameError: No such source.
    """
    if source not in SOURCES:
        raise UnknownNameError("source of known relations", source, SOURCES)
    return SOURCES[source].licence
