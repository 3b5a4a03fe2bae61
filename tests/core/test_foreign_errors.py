"""Damaged files of every kind against every reader: a small run of bench/fuzz_readers.py, which says how it is done."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def bench(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "bench" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_foreign_exception_leaves_a_reader(tmp_path: Path) -> None:
    for package in ("tifffile", "imagecodecs", "zarr", "anndata", "PIL"):
        pytest.importorskip(package, reason=f"{package} is missing: its files were not damaged")
    outcomes = list(bench("fuzz_readers").trials(tmp_path, 120, seed=7))
    foreign = [(number, name, message) for number, name, outcome, message in outcomes if outcome == "foreign"]
    assert foreign == []
    readers = {name for _, name, _, _ in outcomes}
    assert len(readers) >= 45
    assert {outcome for _, _, outcome, _ in outcomes} == {"read", "refused"}  # damage is met, and what can be read is
