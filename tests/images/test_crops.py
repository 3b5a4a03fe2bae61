from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.parallel import read_ahead
from hooke.images.crops import CropBatch, read_batch, read_crops
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.screen import write_screen
from hooke.images.tiles import turned

SMALL = ScreenConfig(
    size=40, modules=1, genes_per_module=1, lone_genes=1, guides=1, compounds=0, experiments=1, controls=1
)


def test_a_worker_reads_and_turns_the_crops(tmp_path: Path) -> None:
    store = write_screen(tmp_path / "store", SMALL, workers=0)
    batch = CropBatch(np.array([2, 0]), np.array([[1, 2], [3, 4]]), np.array([0, 5]))
    found = read_batch((str(store.folder), batch, (20, 20), ("Mito", "DNA")))
    whole = store.read([2, 0], ["Mito", "DNA"])
    expected = np.stack([whole[0, :, 1:21, 2:22], whole[1, :, 3:23, 4:24]])
    assert np.array_equal(found, turned(expected, batch.turns))
    straight = CropBatch(batch.rows, batch.corners, np.zeros(2, int))
    assert np.array_equal(read_crops(store, straight, (20, 20), ("Mito", "DNA")), expected)


def test_workers_start_without_torch() -> None:
    code = "import sys, hooke.images.crops; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_error_while_reading_ahead_is_raised_here() -> None:
    def fail(item: int) -> int:
        if item == 2:
            raise DataError("damaged")
        return item

    found = []
    with pytest.raises(DataError, match="damaged"):
        for item in read_ahead(fail, range(5), 1):
            found.append(item)
    assert found == [0, 1]
    leaving = read_ahead(fail, [0, 1], 1)
    assert next(leaving) == 0
    leaving.close()  # type: ignore[attr-defined]
