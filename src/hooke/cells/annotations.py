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
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.options import choose
from hooke.core.reading import read_bytes, reading
from hooke.core.text_tables import read_text_table
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
_PAIR_FILES = (".csv", ".tsv", ".txt", ".gz", ".parquet")
_PAIR_COLUMNS = (
    ("entity1", "entity2"),
    ("gene1", "gene2"),
    ("gene_a", "gene_b"),
    ("source", "target"),
    ("first", "second"),
)
COMPLEXES = _file("CORUM_clusters.tsv", "caab1d3db6fa694c001f41e2973492d248ea3936a1249be3bf497648071f5c99", 140_353)


def read_pairs(path: Path, name: str) -> KnownPairs:
    """Read a file of pairs with the columns entity1 and entity2, in any text form, gzipped or not; spaces around names do not count.

    Raises:
        DataError: It is missing, a Git LFS pointer, lacks the columns, or holds no pair.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {path} with the pairs of {name}")
    refuse_pointer(path)
    table = read_text_table(path)
    by_name = {column.strip().lower(): column for column in table.columns}
    columns = next(
        ([by_name[one], by_name[two]] for one, two in _PAIR_COLUMNS if one in by_name and two in by_name), None
    )
    if columns is None:
        raise DataError(
            f"{path}: a file of pairs has the columns entity1 and entity2, not {', '.join(table.columns[:8])}"
        )
    table = table.select(
        pl.col(column).cast(pl.String).str.strip_chars().alias(side) for column, side in zip(columns, "ab", strict=True)
    ).filter((pl.col("a") != "") & (pl.col("b") != ""))
    if not len(table):
        raise DataError(f"{path} holds no pair")
    return unique_pairs(name, table["a"], table["b"])


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
    files = [Path(part) for part in asked if part.lower().endswith(_PAIR_FILES)]
    found = {name: read_pairs(path, name) for name, path in _names_of(files).items()}
    named = [part for part in asked if not part.lower().endswith(_PAIR_FILES)]
    if files and not named:
        return found
    for name, source in choose("source of known relations", ",".join(named), SOURCES).items():
        try:
            path = fetch(source.file, cache_folder() / "raw" / "relationships", show_progress=show_progress)
        except DataError as error:
            raise DataError(
                f"known relations of {name} are neither here nor to be downloaded ({error}); give a file of your own with "
                "--sources pairs.csv (columns entity1, entity2), or set HOOKE_MIRROR to a folder that holds them"
            ) from error
        found[name] = read_pairs(path, name)
    return found


def _names_of(files: Sequence[Path]) -> dict[str, Path]:
    """A name for each file: without its ending, with as many folders as tell files of one name apart.

    Raises:
        UsageError: One file is given twice.
    """
    depth = 1
    while True:
        names = ["/".join((*path.resolve().parts[-depth:-1], path.name.split(".")[0])) for path in files]
        if len(set(names)) == len(names):
            return dict(zip(names, files, strict=True))
        if depth > max(len(path.resolve().parts) for path in files):
            raise UsageError(f"a file of pairs is given twice: {', '.join(map(str, files))}")
        depth += 1


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
