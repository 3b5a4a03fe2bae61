"""`Graph`: known relations of genes as a sparse graph whose edges know their weight, their sources and the licences of those.

The default graph is StringDB, Reactome and HuMAP. Sources for non-commercial use are taken only when that is said. `rewired` and `downsampled`
copies are the controls of every claim that a graph helps.

    Laplacian       L = I - D^-1/2 A D^-1/2, with a row of zeros for genes without an edge
    kernel          K = exp(-beta L)

Source: the kernel: Kondor and Lafferty 2002; swaps that keep degrees: Maslov and Sneppen 2002 (doi:10.1126/science.1065103).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse

from hooke.cells.annotations import SOURCES, known_pairs
from hooke.cells.profiles import refuse_pointer
from hooke.core.errors import DataError, UsageError
from hooke.core.options import choose
from hooke.core.reading import check_text_table, reading

DEFAULT_SOURCES = ("StringDB", "Reactome", "HuMAP")
NON_COMMERCIAL = "non-commercial"
SUFFIXES = (".csv", ".tsv", ".txt", ".gz")
_ENDS = (("entity1", "entity2"), ("source", "target"))
_ROUNDS = 30  # of swaps, each of about half of the edges
_LARGEST = 8_000  # genes of a dense kernel


@dataclass(frozen=True)
class EdgeSource:
    """Where edges come from: a name, and the licence of that source."""

    name: str
    licence: str


@dataclass(frozen=True)
class Graph:
    """An undirected graph without loops and without repeated edges.

    Attributes:
        genes: Names of the nodes, unique.
        first, second: (E,) int64 nodes of each edge, first < second, sorted.
        weights: (E,) float64 > 0.
        members: (E, sources) bool: which sources state the edge.
        sources: Names and licences.
        left_out: Why rows of files are no edge → how many.
    """

    genes: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    weights: np.ndarray
    members: np.ndarray
    sources: tuple[EdgeSource, ...]
    left_out: Mapping[str, int] = field(default_factory=dict, kw_only=True)

    def __len__(self) -> int:
        return len(self.genes)

    def __repr__(self) -> str:
        return (
            f"Graph({len(self):,} genes, {len(self.first):,} edges of {', '.join(each.name for each in self.sources)})"
        )

    @cached_property
    def place(self) -> dict[str, int]:
        """Gene → node."""
        return {gene: node for node, gene in enumerate(self.genes)}

    @cached_property
    def adjacency(self) -> scipy.sparse.csr_array:
        """(genes, genes) symmetric weights, with sorted columns in each row."""
        row, column = np.concatenate([self.first, self.second]), np.concatenate([self.second, self.first])
        found = scipy.sparse.csr_array(
            (np.concatenate([self.weights, self.weights]), (row, column)), shape=(len(self), len(self))
        )
        found.sort_indices()
        return found

    @property
    def degrees(self) -> np.ndarray:
        """(genes,) int64 number of edges."""
        return np.diff(self.adjacency.indptr).astype(np.int64)

    def neighbours(self, gene: str) -> list[tuple[str, float]]:
        """The genes that share an edge with one, with the weights, the heaviest first; none where the graph does not know it."""
        node = self.place.get(gene)
        if node is None:
            return []
        row = slice(*self.adjacency.indptr[node : node + 2])
        nodes, weights = self.adjacency.indices[row], self.adjacency.data[row]
        order = np.argsort(-weights, kind="stable")
        return [(self.genes[nodes[at]], float(weights[at])) for at in order]

    def over(self, genes: Sequence[str]) -> Graph:
        """The edges between these genes, on these nodes in this order; those that the graph does not know have no edge."""
        names = tuple(dict.fromkeys(genes))
        node = np.array([self.place.get(gene, -1) for gene in names], np.int64)
        new = np.full(len(self) + 1, -1, np.int64)
        new[node[node >= 0]] = np.flatnonzero(node >= 0)
        return self._edges(names, new[self.first], new[self.second], np.arange(len(self.first)))

    def without(self, *sources: str) -> Graph:
        """The graph without what only these sources state.

        Raises:
            UnknownNameError: The graph has no such source.
        """
        gone = choose("source of the graph", sources, {each.name: each for each in self.sources})
        kept = [place for place, each in enumerate(self.sources) if each.name not in gone]
        members = self.members[:, kept]
        found = replace(self, members=members, sources=tuple(self.sources[place] for place in kept))
        return found._edges(self.genes, self.first, self.second, np.flatnonzero(members.any(axis=1)))

    def downsampled(self, share: float, seed: int = 0) -> Graph:
        """A random share of the edges; with the same seed a smaller share is a part of a larger one."""
        order = np.random.default_rng(seed).permutation(len(self.first))
        kept = np.sort(order[: round(share * len(self.first))])
        return self._edges(self.genes, self.first, self.second, kept)

    def rewired(self, seed: int = 0) -> Graph:
        """A random graph in which every gene keeps its number of edges: ends of random pairs of edges are swapped many times.

        A swap that would make a loop or repeat an edge is not made. Weights and sources stay with the first end.
        """
        generator, count = np.random.default_rng(seed), len(self.first)
        ends = np.stack([self.first, self.second], axis=1)
        for _ in range(_ROUNDS if count > 1 else 0):
            order = generator.permutation(count)
            left, right = order[: count // 2], order[count // 2 : 2 * (count // 2)]
            a, b = ends[left].T
            c, d = np.where(generator.random((len(right), 1)) < 0.5, ends[right], ends[right, ::-1]).T
            keys = np.concatenate([self._keys(a, d), self._keys(c, b)])
            names, place, times = np.unique(keys, return_inverse=True, return_counts=True)
            taken = (times > 1) | np.isin(names, self._keys(*ends.T))
            refused = taken[place].reshape(2, -1).any(axis=0) | (a == d) | (c == b)
            made = ~refused
            ends[left[made], 1], ends[right[made]] = d[made], np.stack([c[made], b[made]], axis=1)
        return self._edges(self.genes, ends[:, 0], ends[:, 1], np.arange(count))

    def kernel(self, beta: float) -> np.ndarray:
        """(genes, genes) float64 diffusion kernel; see the head of the file.

        Raises:
            UsageError: There are too many genes for a dense matrix.
        """
        values, vectors = self.spectrum
        return (vectors * np.exp(-beta * values)) @ vectors.T

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """(genes,) ascending eigenvalues of the Laplacian, and (genes, genes) their vectors.

        Raises:
            UsageError: There are too many genes for a dense matrix.
        """
        if len(self) > _LARGEST:
            raise UsageError(
                f"a graph kernel is dense: {len(self):,} genes are more than {_LARGEST:,}; nearest_neighbours has no such limit"
            )
        degree = np.asarray(self.adjacency.sum(axis=1), np.float64).ravel()
        scale = np.divide(1.0, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
        laplacian = np.diag((degree > 0).astype(np.float64)) - scale[:, None] * self.adjacency.toarray() * scale
        return np.linalg.eigh(laplacian)

    def _keys(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.minimum(first, second) * len(self) + np.maximum(first, second)

    def _edges(self, genes: tuple[str, ...], first: np.ndarray, second: np.ndarray, kept: np.ndarray) -> Graph:
        """With these nodes and some of the edges, whose ends are given for all; those with an end of -1 are left out."""
        kept = kept[(first[kept] >= 0) & (second[kept] >= 0)]
        low, high = np.minimum(first, second)[kept], np.maximum(first, second)[kept]
        order = np.lexsort((high, low))
        kept = kept[order]
        return Graph(
            genes, low[order], high[order], self.weights[kept], self.members[kept], self.sources, left_out=self.left_out
        )


def graph_of(tables: Mapping[EdgeSource, pl.DataFrame], *, left_out: Mapping[str, int] | None = None) -> Graph:
    """A graph from edges of several sources; an edge that several state has the largest of its weights.

    Args:
        tables: Of each source: "first", "second" (names) and "weight", in any order and with repetitions, no loops.
        left_out: What was left out of the files.
    """
    sources = tuple(tables)
    every = pl.concat(
        [
            table.select(
                pl.min_horizontal("first", "second").alias("low"), pl.max_horizontal("first", "second").alias("high"),
                pl.col("weight").cast(pl.Float64), pl.lit(number).alias("source"),
            ) for number, table in enumerate(tables.values())
        ]
    )  # fmt: skip
    genes = tuple(pl.concat([every["low"], every["high"]]).unique().sort().to_list())
    edges = every.group_by("low", "high").agg(pl.col("weight").max(), pl.col("source").unique()).sort("low", "high")
    place = {gene: node for node, gene in enumerate(genes)}
    first, second = (np.array([place[gene] for gene in edges[end]], np.int64) for end in ("low", "high"))
    members = np.zeros((len(edges), len(sources)), bool)
    lengths = edges["source"].list.len().to_numpy()
    if len(edges):
        members[np.repeat(np.arange(len(edges)), lengths), edges["source"].explode().to_numpy()] = True
    return Graph(genes, first, second, edges["weight"].to_numpy(), members, sources, left_out=dict(left_out or {}))


def read_edges(path: Path) -> tuple[pl.DataFrame, dict[str, int]]:
    """Edges of one's own: a table with the columns entity1 and entity2 (or source and target), and weight where edges differ.

    Returns:
        "first", "second", "weight" (1 without a column), and why rows are no edge → how many; together as many as the rows.

    Raises:
        DataError: It is missing, damaged or lacks the columns, or a weight is no number above zero.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {path} with edges")
    refuse_pointer(path)
    with reading(path, "a table of edges"):
        check_text_table(path)
        separator = "\t" if ".tsv" in path.suffixes else ","
        table = pl.read_csv(path, separator=separator, infer_schema=False)
    ends = next((pair for pair in _ENDS if set(pair) <= set(table.columns)), None)
    if ends is None:
        raise DataError(f"{path} has no columns entity1 and entity2, or source and target")
    weight = pl.col("weight").cast(pl.Float64, strict=False) if "weight" in table.columns else pl.lit(1.0)
    table = table.select(
        *(pl.col(end).fill_null("").str.strip_chars().alias(name) for end, name in zip(ends, ("first", "second"), strict=True)),
        weight.alias("weight"),
    )  # fmt: skip
    wrong = table.with_row_index().filter(
        ~pl.col("weight").fill_null(-1.0).is_finite() | (pl.col("weight").fill_null(-1.0) <= 0)
    )
    if len(wrong):
        raise DataError(f"{path}, row {wrong['index'][0] + 1}: a weight must be a number above zero")
    empty, loop = (pl.col("first") == "") | (pl.col("second") == ""), pl.col("first") == pl.col("second")
    counts = {"without a name": table.filter(empty).height, "of a gene with itself": table.filter(~empty & loop).height}
    edges = table.filter(~empty & ~loop)
    unique = edges.group_by(
        pl.min_horizontal("first", "second").alias("low"), pl.max_horizontal("first", "second").alias("high")
    ).agg(pl.col("weight").max())  # fmt: skip
    counts["repeated"] = len(edges) - len(unique)
    edges = unique.rename({"low": "first", "high": "second"}).sort("first", "second")
    return edges, {reason: count for reason, count in counts.items() if count}


def known_graph(
    sources: Iterable[str] | str = DEFAULT_SOURCES, *, non_commercial: bool = False, show_progress: bool = True
) -> Graph:
    """The graph of some sources of known relations, from the mirror or downloaded, and of files of one's own.

    Args:
        sources: Names, matched whole, "all", and files (.csv, .tsv, .txt, .gz; see `read_edges`).
        non_commercial: Whether sources for non-commercial use alone may be taken.
        show_progress: Show downloads.

    Raises:
        UnknownNameError: No such source.
        UsageError: A source is for non-commercial use, and that was not said.
        DataError: A file is missing or holds no edges.
    """
    asked = [part.strip() for part in sources.split(",")] if isinstance(sources, str) else list(sources)
    files = [Path(part) for part in asked if part.endswith(SUFFIXES)]
    wanted = [part for part in asked if not part.endswith(SUFFIXES)]
    named = choose("source of known relations", wanted, SOURCES) if wanted or not files else {}
    for name, source in named.items():
        if NON_COMMERCIAL in source.licence and not non_commercial:
            raise UsageError(f"{name} is {source.licence}: it is used when you say so (--non-commercial)")
    tables: dict[EdgeSource, pl.DataFrame] = {}
    left_out: dict[str, int] = {}
    if named:
        for name, pairs in known_pairs(list(named), show_progress=show_progress).items():
            edges = pl.DataFrame({"first": pairs.first, "second": pairs.second}).with_columns(weight=pl.lit(1.0))
            tables[EdgeSource(name, SOURCES[name].licence)] = edges
    for path in files:
        edges, reasons = read_edges(path)
        tables[EdgeSource(path.name, "your own file")] = edges
        left_out |= {f"{reason} in {path.name}": count for reason, count in reasons.items()}
    found = graph_of(tables, left_out=left_out)
    if not len(found.first):
        raise DataError(f"there is no edge in {', '.join(asked)}")
    return found


def with_edges(graph: Graph, genes: Collection[str]) -> set[str]:
    """Those of the genes that have an edge in the graph."""
    degrees = graph.degrees
    return {gene for gene in genes if gene in graph.place and degrees[graph.place[gene]]}
