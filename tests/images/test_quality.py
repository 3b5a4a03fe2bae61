from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.images.quality import MEASURES, QualityRules, count_cells, field_quality, flags, plane_quality, store_quality
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.screen import Screen, write_screen
from hooke.images.store import ImageStore

SMALL = ScreenConfig(
    size=64,
    modules=2,
    genes_per_module=2,
    lone_genes=1,
    inactive_genes=1,
    compounds=0,
    experiments=2,
    controls=4,
    sites=1,
)


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return Screen(SMALL).render(0)


def test_blur_lowers_focus_and_slope(field: np.ndarray) -> None:
    from scipy.ndimage import gaussian_filter

    for plane in field:
        sharp, blurred = plane_quality(plane), plane_quality(gaussian_filter(plane, 3.0))
        assert blurred["focus"] < 0.5 * sharp["focus"]
        assert blurred["slope"] < sharp["slope"]
        assert set(sharp) == set(MEASURES)


def test_saturation_and_empty_planes() -> None:
    plane = np.zeros((32, 32), np.uint8)
    plane[:8] = 255
    assert plane_quality(plane)["saturated"] == 0.25
    empty = plane_quality(np.zeros((32, 32), np.uint16))
    assert (empty["contrast"], empty["focus"], empty["foreground"]) == (1.0, 0.0, 0.0)


def test_cells_are_counted(field: np.ndarray) -> None:
    count = count_cells(field, SMALL.channels, 10.0)
    assert 2 <= count <= 20
    assert field_quality(field, SMALL.channels, 10.0)["cells"] == count


def test_a_store_is_measured_in_processes(tmp_path: Path) -> None:
    store = write_screen(tmp_path / "store", SMALL, workers=0)
    table = store_quality(store, workers=0)
    assert len(table) == len(store)
    assert table["cells"][3] == count_cells(store.read([3])[0], store.channels, 9.0)
    assert "focus_Mito" in table.columns


def test_flags_name_the_reasons() -> None:
    good = {"cells": 12.0, "saturated_DNA": 0.0, "contrast_DNA": 5.0, "focus_DNA": 0.05}
    rows = [{**good, "focus_DNA": 0.05 + 0.001 * number} for number in range(10)]
    rows += [{**good, "cells": 0.0, "contrast_DNA": 1.0}, {**good, "saturated_DNA": 0.5}, {**good, "focus_DNA": 0.001}]
    found = flags(pl.DataFrame(rows), np.zeros(13, int), QualityRules())
    assert found[:10] == [""] * 10
    assert found[10] == "0 cells; DNA: empty"
    assert found[11] == "DNA: 50.0% saturated"
    assert found[12] == "DNA: out of focus"


def test_wells_are_judged_by_names_that_maps_know(screen: ImageStore) -> None:
    from hooke.cells.quality import RULES
    from hooke.images.quality import well_quality

    found = well_quality(screen, workers=0, show_progress=False)
    assert {rule.column for rule in RULES} <= set(found.columns)
    assert len(found) == screen.metadata.select("experiment", "plate", "well").n_unique()
    assert found["suspicious_fields"].sum() <= len(screen)
    assert ((found["reason"] != "") == (found["suspicious_fields"] > 0)).all()
    assert (found["focus"] > 0).all()
