"""What inference would need, measured on the first rows of a source."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from hooke.inference import plan
from hooke.inference.plan import measured


class Rows:
    unit = "rows"

    def __init__(self, known: int | None) -> None:
        self.known = known

    def row_count(self) -> int | None:
        return self.known


def tables(monkeypatch: pytest.MonkeyPatch, count: int) -> list[int]:
    done: list[int] = []

    def computed(*_: Any, **__: Any) -> Any:
        for number in range(count):
            done.append(number)
            yield pa.table({"x": pa.array(range(10), pa.int64())})

    monkeypatch.setattr(plan, "computed", computed)
    return done


def test_a_short_source_is_computed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    tables(monkeypatch, 3)
    found = measured(Rows(None), None, parameters=7, device="cpu")  # type: ignore[arg-type]
    assert (found.rows, found.sample, found.parameters) == (30, 30, 7)
    assert found.disk_mb == pytest.approx(30 * 8 / 1e6)
    assert found.hours == pytest.approx(30 / found.rows_a_second / 3600)


def test_of_a_long_one_the_first_jobs_are(monkeypatch: pytest.MonkeyPatch) -> None:
    done = tables(monkeypatch, 3)
    found = measured(Rows(1000), None, parameters=7, device="cpu", seconds=0)  # type: ignore[arg-type]
    assert (found.rows, found.sample, done) == (1000, 10, [0])
    assert found.disk_mb == pytest.approx(1000 * 8 / 1e6)
    assert measured(Rows(None), None, parameters=7, device="cpu", seconds=0).hours is None  # type: ignore[arg-type]
