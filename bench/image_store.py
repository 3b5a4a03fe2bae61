"""The image data plane: reading real planes into a store, reading fields and crops back, rendering the simulated screen.

    HOOKE_MIRROR=... OMP_NUM_THREADS=1 python bench/image_store.py [--copies 12]

The real 6-channel site (1080 x 1080, 16 bit, LZW) is copied under other wells. Times are of this machine, one thread a process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from hooke.core.paths import mirror_folder
from hooke.images.reading.ingest import ingest_images
from hooke.images.reading.layouts import index_folder
from hooke.images.reading.planes import read_plane
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.screen import Screen


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--copies", type=int, default=12)
    options = parser.parse_args()
    mirror = mirror_folder()
    if mirror is None:
        raise SystemExit("set HOOKE_MIRROR to the folder of real data")
    real = mirror / "microscopy" / "cytodataframe" / "pediatric_cancer_atlas_profiling" / "images" / "orig"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plate = folder / "plate"
        plate.mkdir()
        for column in range(1, options.copies + 1):
            for path in real.glob("*.tiff"):
                (plate / path.name.replace("r03c03", f"r03c{column:02d}")).symlink_to(path)
        start = time.perf_counter()
        for path in plate.glob("r03c01*"):
            read_plane(path)
        print(f"decoding one 6-channel field: {time.perf_counter() - start:.3f} s")
        for workers in (0, 2):
            start = time.perf_counter()
            store = ingest_images(
                index_folder(plate), folder / f"store-{workers}", workers=workers, show_progress=False
            )
            seconds = time.perf_counter() - start
            raw = 2 * 6 * 1080**2 * len(store) / 1e6
            print(f"ingest, {workers} workers: {seconds:.2f} s, {raw / seconds:.0f} MB/s of pixels")
        size = sum(path.stat().st_size for path in store.folder.rglob("*.bin")) / 1e6
        files = sum(path.stat().st_size for path in plate.glob("*.tiff")) / 1e6
        print(f"store {size:.0f} MB, files {files:.0f} MB, pixels {raw:.0f} MB")
        start = time.perf_counter()
        for row in range(len(store)):
            store.read([row])
        print(f"whole fields: {(time.perf_counter() - start) / len(store) * 1e3:.1f} ms a field of 6 channels")
        generator = np.random.default_rng(0)
        start = time.perf_counter()
        for _ in range(10):
            rows = generator.integers(0, len(store), 16)
            corners = generator.integers(0, 1080 - 256, (2, 16))
            store.read_crops(rows, corners[0], corners[1], (256, 256))
        print(f"random crops of 256: {(time.perf_counter() - start) / 160 * 1e3:.1f} ms a crop of 6 channels")
    for size in (64, 96, 128):
        screen = Screen(ScreenConfig(size=size))
        screen.render(0)
        start = time.perf_counter()
        for row in range(40):
            screen.render(row)
        print(f"simulated field of {size}: {(time.perf_counter() - start) / 40 * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
