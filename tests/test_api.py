"""The Python interface does what the commands do."""

from __future__ import annotations

from pathlib import Path

import pytest

import hooke
from hooke.core.errors import UsageError
from hooke.molecules.tables.twins import write_twin_table

SMALL = ["model.width=16", "model.depth=2", "train.epochs=1", "train.ensemble=1", "train.threads=1"]


def test_every_public_name_loads() -> None:
    for name in hooke.__all__:
        assert getattr(hooke, name) is not None
    assert dir(hooke) == hooke.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hooke.nothing  # noqa: B018


def test_fit_predict_embed_describe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    table = write_twin_table(tmp_path / "t.csv", seed=0, rows=60)
    run = hooke.fit(csv=table, targets=["log_p"], overrides=SMALL, runs=tmp_path, report=False, workers=1)
    assert "log_p" in run.metrics["test"]["graph"]
    assert "hooke predict" in run.summary()
    hooke.predict(run.folder, table, tmp_path / "p.parquet", workers=1)
    hooke.embed(run.folder, table, tmp_path / "e.parquet", workers=1)
    assert hooke.describe_run(run.folder)["status"] == "finished"
    recipe = hooke.load_recipe("csv", [*SMALL, f"data.path={table}"])
    again = hooke.fit(recipe, runs=tmp_path / "more", report=False, workers=1)
    assert hooke.resume(again.folder, report=False).folder == again.folder
    with pytest.raises(UsageError, match="takes no further changes"):
        hooke.fit(recipe, overrides=["seed=1"])
    assert len(hooke.prepare_data("csv", [f"path={table}"], folder=tmp_path / "s", workers=1)) == 60
