"""Energy distances: the same cells are near, controls and a mean without spread are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells

from hooke.core.errors import UsageError
from hooke.workflows.response_scores import evaluate_responses


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("energy")
    values, obs = made_cells(effect=1.5)
    write_cells(folder / "screen.h5ad", values, obs)
    names, contexts = (
        np.array(obs["perturbation"]),
        np.array(obs["cell_type"] if "cell_type" in obs else obs["context"]),
    )
    control = names == "control" if (names == "control").any() else names == "ctrl"
    assert control.any()
    flat, unchanged = values.copy(), values.copy()
    for where in np.unique(contexts):
        pool = np.flatnonzero(control & (contexts == where))
        for name in np.unique(names[~control]):
            rows = np.flatnonzero((names == name) & (contexts == where))
            flat[rows] = values[rows].mean(axis=0)
            unchanged[rows] = values[np.resize(pool, len(rows))]
    write_cells(folder / "flat.h5ad", flat, obs)
    write_cells(folder / "unchanged.h5ad", unchanged, obs)
    return folder


def test_the_spread_of_cells_counts(files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    models = {"same": files / "screen.h5ad", "flat": files / "flat.h5ad", "unchanged": files / "unchanged.h5ad"}
    found = evaluate_responses(models, files / "screen.h5ad", energy=50, draws=2, show_progress=False)
    scores = {(each.context, each.model): each for each in found.energies}
    for context in {each.context for each in found.energies}:
        same, flat, unchanged = (scores[context, name] for name in models)
        assert same.scored == flat.scored == unchanged.scored == 5
        assert same.distance.value < flat.distance.value
        assert same.distance.value < 0.5 * same.null
        assert unchanged.distance.value == pytest.approx(same.null, rel=0.25)
        assert same.ceiling < 0.5 * same.null
    assert found.to_json()["energies"][0]["scored"] == 5


def test_changes_and_single_cells_have_no_distance(
    files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    for options, message in (({"energy": 50, "space": "changes"}, "not changes"), ({"energy": 1}, "two cells")):
        with pytest.raises(UsageError, match=message):
            evaluate_responses(
                {"same": files / "screen.h5ad"}, files / "screen.h5ad", draws=2, show_progress=False, **options
            )  # type: ignore[arg-type]
