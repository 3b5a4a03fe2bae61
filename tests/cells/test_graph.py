from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.linalg

from hooke.cells.graph import EdgeSource, Graph, graph_of, known_graph, read_edges, with_edges
from hooke.core.errors import DataError, UnknownNameError, UsageError

GENES = [f"G{number:02d}" for number in range(40)]


def table(pairs: list[tuple[str, str]], weights: list[float] | None = None) -> pl.DataFrame:
    weight = weights or [1.0] * len(pairs)
    return pl.DataFrame({"first": [a for a, _ in pairs], "second": [b for _, b in pairs], "weight": weight})


@pytest.fixture(scope="module")
def graph() -> Graph:
    generator = np.random.default_rng(0)
    first, second = np.triu_indices(40, 1)
    drawn = generator.choice(len(first), 120, replace=False)
    pairs = [(GENES[second[place]], GENES[first[place]]) for place in drawn]
    return graph_of({
        EdgeSource("one", "CC0"): table(pairs[:80]),
        EdgeSource("two", "CC BY 4.0"): table(pairs[60:], generator.uniform(0.5, 2, 60).tolist()),
    })  # fmt: skip


def edges(graph: Graph) -> set[tuple[str, str]]:
    return {(graph.genes[a], graph.genes[b]) for a, b in zip(graph.first, graph.second, strict=True)}


def test_edges_of_several_sources_are_one_edge_with_the_largest_weight(graph: Graph) -> None:
    assert len(graph.first) == 120
    assert (graph.first < graph.second).all()
    assert graph.members.sum(axis=0).tolist() == [80, 60]
    both = graph.members.all(axis=1)
    assert both.sum() == 20
    assert (graph.weights[both] >= 1).all()
    assert np.array_equal(graph.adjacency.toarray(), graph.adjacency.toarray().T)
    assert np.array_equal(graph.degrees, (graph.adjacency.toarray() > 0).sum(axis=1))
    gene = graph.genes[3]
    found = dict(graph.neighbours(gene))
    assert found == {graph.genes[node]: weight for node, weight in enumerate(graph.adjacency.toarray()[3]) if weight}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert graph.neighbours("NOWHERE") == []


def test_other_nodes_and_sources(graph: Graph) -> None:
    some = graph.over([*GENES[20:4:-1], "NEW"])
    assert some.genes == (*GENES[20:4:-1], "NEW")
    inside = {*GENES[5:21]}
    assert {frozenset(pair) for pair in edges(some)} == {frozenset(pair) for pair in edges(graph) if {*pair} <= inside}
    assert some.degrees[-1] == 0
    assert with_edges(some, ["NEW", *GENES[5:21]]) == {gene for gene in inside if some.neighbours(gene)}
    one = graph.without("two")
    assert len(one.first) == 80
    assert [each.name for each in one.sources] == ["one"]
    with pytest.raises(UnknownNameError, match="source of the graph"):
        graph.without("three")


def test_a_rewired_graph_keeps_every_degree_and_little_else(graph: Graph) -> None:
    for seed in range(3):
        changed = graph.rewired(seed)
        assert np.array_equal(changed.degrees, graph.degrees)
        assert len(edges(changed)) == 120
        assert (changed.first < changed.second).all()
        assert len(edges(changed) & edges(graph)) < 50  # chance alone repeats some in so small a graph
        assert np.array_equal(np.sort(changed.weights), np.sort(graph.weights))
    assert edges(graph.rewired(0)) == edges(graph.rewired(0))
    assert edges(graph.rewired(0)) != edges(graph.rewired(1))
    star = graph_of({EdgeSource("star", "CC0"): table([("A", "B"), ("A", "C"), ("A", "D")])})
    assert edges(star.rewired()) == edges(star)  # no swap is possible


def test_downsampled_graphs_are_nested(graph: Graph) -> None:
    small, large = graph.downsampled(0.25, 1), graph.downsampled(0.5, 1)
    assert (len(small.first), len(large.first)) == (30, 60)
    assert edges(small) < edges(large) < edges(graph)


def test_the_kernel_is_the_exponential_of_the_laplacian(graph: Graph) -> None:
    some = graph.over([*GENES, "ALONE"])
    adjacency = some.adjacency.toarray()
    degree = adjacency.sum(axis=1)
    laplacian = np.diag((degree > 0) * 1.0)
    for a in range(41):
        for b in range(41):
            if adjacency[a, b]:
                laplacian[a, b] -= adjacency[a, b] / np.sqrt(degree[a] * degree[b])
    for beta in (0.5, 3.0):
        assert np.allclose(some.kernel(beta), scipy.linalg.expm(-beta * laplacian), atol=1e-12)
    assert np.allclose(some.kernel(2.0)[-1], np.eye(41)[-1])


def test_edges_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("source,target,weight\nA,B,2\nB,A,3\nC,C,1\n,D,1\nD,E,0.5\n")
    found, left_out = read_edges(path)
    assert found.rows() == [("A", "B", 3.0), ("D", "E", 0.5)]
    assert left_out == {"without a name": 1, "of a gene with itself": 1, "repeated": 1}
    assert len(found) + sum(left_out.values()) == 5
    graph = known_graph(str(path))
    assert graph.genes == ("A", "B", "D", "E")
    assert graph.sources == (EdgeSource("mine.csv", "your own file"),)
    assert graph.left_out == {f"{reason} in mine.csv": count for reason, count in left_out.items()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\nA,B\n", "no columns entity1 and entity2"),
        ("entity1,entity2,weight\nA,B,-1\n", "row 1: a weight must be"),
        ("entity1,entity2,weight\nA,B,1\nA,C,nan\n", "row 2: a weight must be"),
        ("entity1,entity2,weight\nA,B,heavy\n", "row 1: a weight must be"),
        ("entity1,entity2\nA,A\n", "no edge"),
    ],
)
def test_wrong_tables_of_edges(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        known_graph([str(path)])
    with pytest.raises(DataError, match="no file"):
        known_graph([str(tmp_path / "other.csv")])


def test_non_commercial_sources_are_asked_for() -> None:
    with pytest.raises(UsageError, match="CORUM is CC BY-NC"):
        known_graph("StringDB,CORUM")
    with pytest.raises(UnknownNameError, match="Did you mean 'StringDB'"):
        known_graph("StringDBB")


@pytest.mark.mirror
def test_the_default_graph(mirror: Path) -> None:
    graph = known_graph(show_progress=False)
    assert [each.name for each in graph.sources] == ["HuMAP", "Reactome", "StringDB"]
    assert graph.members.sum(axis=0).tolist() == [58_538, 18_565, 58_059]
    assert not any("NC" in each.licence for each in graph.sources)
    assert np.array_equal(graph.rewired().degrees, graph.degrees)
    with pytest.raises(UsageError, match="dense"):
        graph.kernel(1.0)
    assert len(known_graph("CORUM", non_commercial=True, show_progress=False).first) == 37_649
