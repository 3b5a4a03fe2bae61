from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.cells.profiles import Profiles
from hooke.core.errors import UnknownNameError, UsageError
from hooke.serve.map_view import MapView


def test_summary_and_points(view: MapView) -> None:
    summary = view.summary()
    assert summary["entities"] == len(view) == 24
    assert summary["kinds"] == {"gene": 24}
    assert summary["relations"] == 2  # the pair in both sources counts once, that with ELSEWHERE not at all
    assert summary["layout"] == "first two"
    unit = view.profiles.values / np.linalg.norm(view.profiles.values, axis=1, keepdims=True)
    first, second = np.triu_indices(len(view), 1)
    cosines = (unit @ unit.T)[first, second]
    assert np.allclose(summary["tails"], np.quantile(cosines, [0.05, 0.95]), atol=1e-4)
    assert summary["recalled"] in (0.0, 0.5, 1.0)
    assert summary["chance"] == pytest.approx(0.1)
    points = view.points()
    assert sorted(points["names"])[0] == "GENE00"
    for axis in ("x", "y"):
        assert 0 <= min(points[axis]) <= max(points[axis]) <= 1
        assert min(points[axis]) + max(points[axis]) == pytest.approx(1, abs=1e-3)  # in the middle


def test_search_prefers_beginnings(view: MapView) -> None:
    assert view.search("gene0")[:2] == ["GENE00", "GENE01"]
    assert view.search("07") == ["GENE07"]
    assert len(view.search("ene", limit=5)) == 5
    assert view.search("  ") == []
    assert view.place("gene03") == view.place("GENE03")
    with pytest.raises(UnknownNameError, match="Did you mean 'GENE0"):
        view.place("GEN04")


def test_neighbours_are_those_of_the_cosine(view: MapView) -> None:
    found = view.neighbours("GENE00", count=5)
    unit = view.profiles.values / np.linalg.norm(view.profiles.values, axis=1, keepdims=True)
    cosines = unit @ unit[found["place"]]
    order = [name for name in view.names[np.argsort(-cosines)] if name != "GENE00"]
    assert [entry["name"] for entry in found["similar"]] == order[:5]
    assert [entry["name"] for entry in found["opposite"]] == order[::-1][:5]
    assert {entry["name"]: entry["known"] for entry in found["known"]} == {
        "GENE01": ["CORUM", "mine"],
        "GENE02": ["CORUM"],
    }
    assert found["about"]["replicates"] == 8
    assert all(0 <= entry["rank"] <= 1 for entry in found["known"])


def test_heat_map(view: MapView) -> None:
    found = view.heat_map(["GENE00", "GENE01", " GENE02 ", "GENE00", "NOBODY", ""])
    assert sorted(found["names"]) == ["GENE00", "GENE01", "GENE02"]
    assert found["missing"] == ["NOBODY"]
    assert np.allclose(np.diag(found["cosines"]), 1)
    pairs = {frozenset((found["names"][i], found["names"][j])): sources for i, j, sources in found["related"]}
    assert pairs == {frozenset(("GENE00", "GENE01")): ["CORUM", "mine"], frozenset(("GENE00", "GENE02")): ["CORUM"]}
    with pytest.raises(UsageError, match="takes 2 to 300"):
        view.heat_map(["GENE00", "NOBODY"])


def test_names_that_are_not_in_the_map_cost_a_look_each(view: MapView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooke.core.errors.nearest", lambda *_: pytest.fail("searched for what is near"))
    found = view.heat_map(["gene00", "GENE01", *(f"NOBODY{number}" for number in range(6000))])
    assert sorted(found["names"]) == ["GENE00", "GENE01"]
    assert len(found["missing"]) == 6000
    assert view.neighbours("GENE00", count=-3)["similar"] == []


def test_the_tails_of_a_large_map_come_from_a_sample(monkeypatch: pytest.MonkeyPatch, view: MapView) -> None:
    monkeypatch.setattr("hooke.serve.map_view._SAMPLED_PAIRS", 100)
    sampled = MapView(view.profiles, coordinates=(view.coordinates, "first two"))
    assert np.allclose(sampled.tails, view.tails, atol=0.25)
    assert sampled.summary()["recalled"] is None
    one = Profiles.of_embeddings(np.ones((1, 2)), pl.DataFrame({"entity": ["A"]}))
    assert MapView(one, coordinates=(np.zeros((1, 2)), "none")).tails == (-1.0, 1.0)


def test_one_row_an_entity() -> None:
    twice = Profiles.of_embeddings(np.eye(2), pl.DataFrame({"entity": ["A", "A"]}))
    with pytest.raises(UsageError, match="one row an entity"):
        MapView(twice)
    plain = MapView(Profiles.of_embeddings(np.eye(3), pl.DataFrame({"entity": ["A", "B", "C"]})))
    assert plain.summary()["sources"] == []
    assert plain.neighbours("A")["known"] == []


def test_nobody_is_similar_and_opposite_at_once(view: MapView) -> None:
    found = view.neighbours("GENE00", count=1000)
    similar, opposite = ([entry["name"] for entry in found[name]] for name in ("similar", "opposite"))
    assert len(similar) + len(opposite) == len(set(similar + opposite)) == len(view) - 1
    assert abs(len(similar) - len(opposite)) <= 1
    pair = MapView(
        Profiles.of_embeddings(np.eye(2), pl.DataFrame({"entity": ["A", "B"]})), coordinates=(np.eye(2), "none")
    )
    assert [len(pair.neighbours("A")[name]) for name in ("similar", "opposite")] == [1, 0]


def test_what_points_are_coloured_by() -> None:
    groups = np.repeat(np.arange(4), [8, 6, 4, 6])
    values = 10 * np.eye(4)[groups] + np.random.default_rng(0).normal(size=(24, 4)) / 10
    counts = pl.Series("cell_count", [None, *range(23)], dtype=pl.Float64)
    names = [f"G{number}" for number in range(24)]
    profiles = Profiles.of_embeddings(values, pl.DataFrame({"entity": names}).with_columns(counts))
    shown = MapView(
        profiles, coordinates=(values[:, :2], "first two"), hits={"G0": True, "G1": False, "ELSEWHERE": True}
    )
    kind, hit, count, cluster = shown.points()["colourings"]
    assert (kind["classes"], set(kind["values"])) == (["gene"], {0})
    assert hit["values"][:3] == [1, 0, -1]  # the third was not tested
    assert count["numbers"][:3] == [None, 0.0, 1.0]
    assert len(cluster["values"]) == 24
    assert len(set(cluster["values"])) == len(cluster["classes"])
    for label in set(cluster["values"]):  # no cluster joins two groups
        assert len({group for group, own in zip(groups, cluster["values"], strict=True) if own == label}) == 1
    sizes = [cluster["values"].count(label) for label in range(len(cluster["classes"]))]
    assert sizes == sorted(sizes, reverse=True)
    few = MapView(
        Profiles.of_embeddings(np.eye(3), pl.DataFrame({"entity": ["A", "B", "C"]})),
        coordinates=(np.eye(3)[:, :2], "none"),
    )
    assert [one["name"] for one in few.points()["colourings"]] == ["kind"]
