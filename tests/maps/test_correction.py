from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.profiles import Profiles
from hooke.core.errors import UnknownNameError, UsageError
from hooke.evaluate.known_pairs import KnownPairs, unique_pairs
from hooke.maps import correction as map_correct
from hooke.maps.correction import (
    Preparation,
    compare_corrections,
    compare_file,
    correct_file,
    fit_correction,
    table,
)


def modules() -> dict[str, KnownPairs]:
    """Every pair of genes of one module of the made-up screen."""
    pairs = [
        (f"GENE{4 * module + first:02d}", f"GENE{4 * module + second:02d}")
        for module in range(6) for first in range(4) for second in range(first)
    ]  # fmt: skip
    return {"modules": unique_pairs("modules", *zip(*pairs, strict=True))}


def test_every_method_in_one_table(wells: Profiles) -> None:
    scores = {
        score.method: score
        for score in compare_corrections(
            wells, methods=("none", "centre", "tvn", "sphering"), sources=modules(), show_progress=False
        )
    }
    none, centre = scores["none"], scores["centre"]
    assert centre.ami_batch < 0.2 < none.ami_batch
    assert centre.ami_perturbation > none.ami_perturbation
    assert centre.mean_average_precision > none.mean_average_precision + 0.2
    assert centre.mixing_batch > none.mixing_batch
    assert none.chance == pytest.approx(0.1)
    assert none.queries == {"modules": 36}
    assert none.null_size == 24 * 23 // 2
    assert centre.recall["modules"][0] > 0.3
    header, rows = table(list(scores.values()))
    assert header[-1] == "modules (chance 0.10, 36 pairs)"
    assert [row[0] for row in rows] == ["none", "centre", "tvn", "sphering"]
    bare = compare_corrections(wells, methods=("none",), show_progress=False)
    assert bare[0].recall == {}
    assert np.isnan(bare[0].chance)


@pytest.fixture
def cells(wells: Profiles, tmp_path: Path) -> Path:
    """Three cells a well, with the wells' numbers as features of CellProfiler and a constant and a repeated one beside them."""
    generator = np.random.default_rng(0)
    rows = np.repeat(np.arange(len(wells)), 3)
    values = wells.values[rows] + 0.1 * generator.normal(size=(len(rows), wells.dim))
    names = {"experiment": "Metadata_Batch", "plate": "Metadata_Plate", "well": "Metadata_Well", "gene": "Metadata_Symbol",
             "control": "Metadata_pert_type"}  # fmt: skip
    table = wells.metadata[rows].select(*names).rename(names)
    table = table.with_columns(pl.col("Metadata_pert_type").replace({"negative": "negcon", "": "trt"}))
    features = {f"Cells_Texture_{column}": values[:, column] for column in range(wells.dim)}
    features |= {"Cells_Count_Constant": np.ones(len(rows)), "Nuclei_Texture_Twin": values[:, 0] * 2 + 1}
    path = tmp_path / "Cells.csv"
    table.with_columns(**{name: pl.Series(column) for name, column in features.items()}).write_csv(path)
    return path


def test_tables_of_cells_enter_at_the_correction(cells: Path, tmp_path: Path, wells: Profiles) -> None:
    prepare = Preparation(average_cells=True, normalise="robust", select=True)
    out, kept = tmp_path / "corrected.parquet", tmp_path / "centre.npz"
    summary = correct_file(cells, out, method="centre", save=kept, preparation=prepare)
    assert summary["wells"] == len(wells)
    assert summary["features"] == "14 -> 12 -> 12"
    assert (tmp_path / "centre.features.json").exists()
    again = correct_file(
        cells, tmp_path / "again.parquet", apply=kept, preparation=Preparation(average_cells=True, normalise="robust")
    )
    assert again["features"] == "14 -> 12 -> 12"
    assert np.allclose(Profiles.read(out).values, Profiles.read(tmp_path / "again.parquet").values, atol=1e-5)
    with pytest.raises(UsageError, match="leave out --select-features"):
        correct_file(cells, out, apply=kept, preparation=prepare)
    with pytest.raises(UnknownNameError, match="Did you mean 'robust'"):
        Preparation(normalise="robus")


def test_methods_get_what_they_need(wells: Profiles) -> None:
    fitted, corrected = fit_correction(wells, "sphering", samples=3)
    assert len(fitted.searched) == 3  # type: ignore[attr-defined]
    assert corrected.features == wells.features
    assert fit_correction(wells, "harmony", seed=1)[0].method == "harmony"


def test_files_in_and_out(wells: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = wells.write(tmp_path / "wells.parquet")
    out, kept = tmp_path / "corrected.parquet", tmp_path / "tvn.npz"
    summary = correct_file(source, out, save=kept)
    assert summary["batches"] == 4
    assert kept.exists()
    again = tmp_path / "again.parquet"
    assert correct_file(source, again, apply=kept)["method"] == "tvn"
    assert np.array_equal(Profiles.read(out).values, Profiles.read(again).values)
    without = Profiles(wells.values, wells.metadata.drop("control"), wells.features).write(tmp_path / "bare.parquet")
    correct_file(without, tmp_path / "c.parquet", apply=kept)  # known batches need no controls
    with pytest.raises(UsageError, match="-o corrected"):
        correct_file(source, None)
    with pytest.raises(UsageError, match="leave out --save"):
        correct_file(source, out, save=kept, apply=kept)
    monkeypatch.setattr(map_correct, "known_pairs", lambda *_, **__: modules())
    original = compare_corrections
    monkeypatch.setattr(
        map_correct,
        "compare_corrections",
        lambda *given, **options: original(*given, methods=("none", "centre"), **options),
    )
    plates = tmp_path / "plates.csv"
    pl.DataFrame({"plate": ["P0", "P1", "P2", "P3"], "day": [1, 1, 2, 2]}).write_csv(plates)
    assert [score.method for score in compare_file(source, metadata=plates, show_progress=False)] == ["none", "centre"]
