"""Labels that users bring: of any scale, constant, too small or too close together for 32 bits, censored, named classes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

SMALL = (
    "model.width=16", "model.depth=2", "train.epochs=6", "train.ensemble=2", "train.threads=1",
    "data.split.fractions=[0.5,0.25,0.25]", "--workers", "1",
)  # fmt: skip


@pytest.fixture
def values(table: Path) -> pl.DataFrame:
    """60 molecules and their log P."""
    return pl.read_csv(table).select("smiles", "log_p").drop_nulls()


def _strict(text: str) -> Any:
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_the_unit_of_a_label_changes_no_score(hooke: Any, values: pl.DataFrame) -> None:
    found = {}
    for exponent in (0, -9, -25, 20):
        path = Path(f"e{exponent}.csv")
        values.with_columns(y=pl.col("log_p") * 10.0**exponent).drop("log_p").write_csv(path)
        done = hooke("fit", "--csv", path, "--no-report", *SMALL)
        assert done.code == 0, done.err
        [line] = [line for line in done.out.splitlines() if line.startswith("test")]
        assert not re.search(r"\d{12}|(mae|rmse) 0\.000?\b", line), line
        [run] = [path for path in Path("runs/csv").iterdir() if str(path) in done.out]
        found[exponent] = _strict((run / "metrics.json").read_text())["test"]["graph"]["y"]
    for exponent, scores in found.items():
        for name, value in found[0].items():
            unit = 10.0**exponent if name in ("mae", "rmse") else 1.0
            assert scores[name] == pytest.approx(value * unit, rel=0.02, abs=0.02 * unit), (exponent, name)


def test_undefined_metrics_are_null(hooke: Any, values: pl.DataFrame) -> None:
    values.select("smiles", y=pl.lit(3.5)).write_csv("constant.csv")
    done = hooke("fit", "--csv", "constant.csv", "--no-report", "--json", *SMALL)
    assert done.code == 0, done.err
    shown = _strict(done.out)
    assert shown["metrics"]["test"]["graph"]["y"]["r2"] is None
    _strict((Path(shown["run"]) / "metrics.json").read_text())


def test_labels_that_32_bits_cannot_hold_are_said(hooke: Any, values: pl.DataFrame) -> None:
    values.select("smiles", y=pl.format("{}e-50", "log_p")).write_csv("small.csv")
    refused = hooke("fit", "--csv", "small.csv", "--no-report", *SMALL)
    assert refused.code != 0
    assert "is too small to be stored: give the column in a smaller unit" in refused.err
    values.with_columns(y=pl.col("log_p") + 1e8).drop("log_p").write_csv("offset.csv")
    done = hooke("fit", "--csv", "offset.csv", "--no-report", "--json", *SMALL)
    said = _strict(done.out)["ingest"]["rounded"]["y"]
    assert "as differences from 100000000" in said
    assert "predictions are given with it" in said


def test_classes_come_back_by_the_words_of_the_table(hooke: Any, values: pl.DataFrame) -> None:
    hit = pl.when(pl.col("log_p") > values["log_p"].median()).then(pl.lit("Active")).otherwise(pl.lit("Inactive"))
    values.select("smiles", hit=hit).write_csv("words.csv")
    assert hooke("fit", "--csv", "words.csv", "--no-report", *SMALL).code == 0
    done = hooke(
        "predict",
        "runs/csv",
        "words.csv",
        "-o",
        "p.csv",
        "--threshold",
        "balanced",
        "--domain",
        "--json",
        "--workers",
        "1",
    )
    assert done.code == 0, done.err
    found, shown = pl.read_csv("p.csv"), _strict(done.out)
    assert set(found["hit_class"]) <= {"Active", "Inactive"}
    assert sum(shown["counts"]["hit_class"].values()) == len(found) == sum(shown["counts"]["domain"].values())
    assert set(found["domain"]) <= {"in", "out"}
    assert (found["hit"] >= shown["thresholds"]["hit"]).to_list() == (found["hit_class"] == "Active").to_list()
    assert "hit_input" in found.columns  # what the table said
