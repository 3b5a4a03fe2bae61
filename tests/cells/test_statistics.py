from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("h5py")
pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells

from hooke.cells.expression import open_expression
from hooke.cells.screen import CONTROL, Scale, Screen
from hooke.cells.statistics import Statistics, gather, parts_of
from hooke.core.errors import DataError


class Killed(Exception):
    """Stands for a kill between two blocks."""


def gathered(path: Path, folder: Path | None = None, scale: Scale | None = None, stop: int = 0) -> Statistics:
    def kill(done: int) -> None:
        if done == stop:
            raise Killed

    with open_expression(path) as expression:
        screen = Screen.of(expression, scale=scale)
        return gather(expression, screen, folder, show_progress=False, after_block=kill if stop else None)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_statistics_are_those_of_the_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    values, obs = made_cells()
    monkeypatch.setattr("hooke.cells.expression._BLOCK_VALUES", 3_000)
    found = gathered(write_cells(tmp_path / "cells.h5ad", values, obs, layout=layout))
    screen = found.screen
    for row, (perturbation, context) in enumerate(found.layout.groups):
        own = (screen.perturbation == perturbation) & (screen.context == context)
        assert np.allclose(found.perturbed[row].sum(axis=0), values[own].sum(axis=0), rtol=0, atol=1e-9)
        assert found.perturbed_counts[row].sum() == own.sum() == 60
        assert found.numbers[row].sum(axis=1).tolist() == [
            30 if found.layout.batch_context[batch] == context else 0 for batch in range(4)
        ]
        assert np.ptp(found.perturbed_counts[row]) <= 1
        assert np.array_equal(found.nonzero[2 * row : 2 * row + 2].sum(axis=0), (values[own] != 0).sum(axis=0))
    for row, batch in enumerate(found.layout.batches):
        own = (screen.perturbation == CONTROL) & (screen.batch == batch)
        assert np.allclose(found.controls[row].sum(axis=0), values[own].sum(axis=0), rtol=0, atol=1e-9)
    squares = np.stack([(values[screen.batch == batch] ** 2).sum(axis=0) for batch in range(4)]).sum(axis=0)
    assert np.allclose(found.squares.sum(axis=0), squares, rtol=1e-12)
    assert found.counts.sum() == len(values)


def test_all_layouts_deal_cells_alike(tmp_path: Path) -> None:
    values, obs = made_cells()
    found = [
        gathered(write_cells(tmp_path / f"{layout}.h5ad", values, obs, layout=layout))
        for layout in ("csr", "csc", "dense")
    ]
    for other in found[1:]:
        assert np.array_equal(found[0].counts, other.counts)
        assert np.allclose(found[0].sums, other.sums, rtol=0, atol=1e-10)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_a_killed_pass_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    values, obs = made_cells()
    values[5] = 0
    monkeypatch.setattr("hooke.cells.expression._BLOCK_VALUES", 3_000)
    monkeypatch.setattr("hooke.cells.statistics._SHARE", 0)
    monkeypatch.setattr("hooke.cells.statistics._FIRST_S", 0.0)
    path = write_cells(tmp_path / "cells.h5ad", values, obs, layout=layout)
    whole = gathered(path)
    for stop in (1, 4, 2):
        with pytest.raises(Killed):
            gathered(path, tmp_path / "state", stop=stop if stop != 2 else 5)
    assert [place.name for place in (tmp_path / "state").iterdir()] == ["blocks-000005"]
    resumed = gathered(path, tmp_path / "state")
    for name in ("sums", "squares", "nonzero", "counts", "numbers"):
        assert np.array_equal(getattr(whole, name), getattr(resumed, name))
    assert whole.screen.left_out == resumed.screen.left_out == {"all values are zero": 1}
    again = gathered(path, tmp_path / "state")  # read, not gathered
    assert np.array_equal(again.sums, whole.sums)
    assert again.screen.left_out == whole.screen.left_out


def test_another_file_does_not_go_on_from_this_state(tmp_path: Path) -> None:
    values, obs = made_cells()
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    first = gathered(path, tmp_path / "state")
    write_cells(path, values * 2, obs)
    second = gathered(path, tmp_path / "state")
    assert np.allclose(second.sums, 2 * first.sums)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_cells_without_usable_numbers_are_listed(tmp_path: Path, layout: str) -> None:
    values, obs = made_cells()
    clean = gathered(write_cells(tmp_path / "clean.h5ad", values, obs, layout=layout))
    values[3, 2], values[8, 1] = np.nan, np.inf
    values[11] = 0
    found = gathered(write_cells(tmp_path / "cells.h5ad", values, obs, layout=layout))
    assert found.screen.left_out == {"a value is NaN or infinite": 2, "all values are zero": 1}
    assert np.isfinite(found.sums).all()
    assert found.counts.sum() == clean.counts.sum() - 3 == found.screen.used


@pytest.mark.parametrize("layout", ["csr", "dense"])
@pytest.mark.parametrize(
    ("change", "scale", "match"),
    [
        (lambda values: values, Scale("counts"), "not whole numbers"),
        (lambda values: values - 1, Scale("counts"), "smallest value is -1"),
        (lambda values: values - 1, Scale("log1p"), "smallest value is -1"),
        (lambda values: np.rint(values * 5), Scale("log1p"), "all values are whole numbers"),
        (lambda values: values * 100, Scale("log1p"), "largest value"),
        (lambda values: values, Scale("log1p", 10.0), "target sum of 10"),
        (lambda values: values, Scale("z-score"), "no value is negative"),
    ],
)  # fmt: skip
def test_a_scale_that_the_numbers_contradict_is_refused(
    tmp_path: Path, change, scale: Scale, match: str, layout: str
) -> None:  # type: ignore[no-untyped-def]
    values, obs = made_cells()
    path = write_cells(tmp_path / "cells.h5ad", change(values), obs, layout=layout)
    with pytest.raises(DataError, match=match):
        gathered(path, scale=scale)


def test_scales_that_fit_are_taken(tmp_path: Path) -> None:
    values, obs = made_cells()
    for number, (changed, scale) in enumerate(
        [
            (np.rint(values * 5), Scale("counts")),
            (values - values.mean(axis=0), Scale("z-score")),
            (values, Scale("log1p", 1e6)),
        ]
    ):
        gathered(write_cells(tmp_path / f"{number}.h5ad", changed, obs, layout="dense"), scale=scale)


def test_memory_is_bounded_by_fewer_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values, obs = made_cells()
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    fine = gathered(path)
    monkeypatch.setattr("hooke.cells.statistics._BUDGET", 10 * 8 * 40 * 4)
    coarse = gathered(path)
    assert (fine.layout.parts, fine.layout.fine) == (32, True)
    assert (coarse.layout.parts, coarse.layout.dtype, coarse.layout.fine) == (8, np.float32, False)
    assert np.allclose(coarse.perturbed.sum(axis=1), fine.perturbed.sum(axis=1), rtol=1e-5)
    assert np.allclose(parts_of(coarse).squares.sum(axis=1), parts_of(fine).squares.sum(axis=1), rtol=1e-5)


def test_columns_that_are_left_out_are_in_no_sum(tmp_path: Path) -> None:
    values, obs = made_cells()
    names = [f"G{number}" for number in range(values.shape[1])]
    names[3] = "1-Dec"
    kept = np.arange(values.shape[1]) != 3
    for layout in ("csr", "csc", "dense"):
        found = gathered(write_cells(tmp_path / f"{layout}.h5ad", values, obs, genes=names, layout=layout))
        assert np.allclose(found.sums.sum(axis=0), values[:, kept].sum(axis=0))


def test_targets_are_not_scored_unless_asked(tmp_path: Path) -> None:
    values, obs = made_cells()
    names = [f"G{number}" for number in range(values.shape[1])]
    names[4] = "P1"
    found = gathered(write_cells(tmp_path / "cells.h5ad", values, obs, genes=names))
    scored = parts_of(found).scored
    rows = [
        row
        for row, (perturbation, _) in enumerate(found.layout.groups)
        if "P1" in found.screen.perturbations[perturbation].genes
    ]
    assert not scored[rows, 4].any()
    assert scored.sum() == scored.size - len(rows)
    assert parts_of(found, with_targets=True).scored.all()
