"""How the simulated screen compares with real fields: statistics of planes, side by side.

    HOOKE_MIRROR=... python bench/simulated_screen.py [--picture comparison.png]

Real fields are shrunk until their nuclei are as wide as the simulated ones. Two kinds of planes are compared: nuclear stains
and all others. For each statistic the table gives the range over real planes and the 5th, 50th and 95th percentile over
simulated ones. The numbers say how alike the images are; they are no results.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hooke.core.paths import mirror_folder
from hooke.images.normalise import stretch
from hooke.images.quality import plane_quality
from hooke.images.reading.planes import read_plane
from hooke.images.segment import nuclei
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.screen import Screen
from hooke.images.tiles import Grid, shrink

SIZE = 96
DIAMETER = 9.5
STATISTICS = ("contrast", "foreground", "focus", "slope", "skewness", "variation", "noise")


def real_fields(root: Path) -> dict[str, tuple[list[np.ndarray], list[np.ndarray]]]:
    """Name -> (nuclear planes, other planes), shrunk."""
    folder = root / "microscopy" / "cytodataframe"
    jump = folder / "JUMP_plate_BR00117006" / "images" / "orig"
    site = folder / "pediatric_cancer_atlas_profiling" / "images" / "orig"
    nf1 = folder / "NF1_cellpainting_data_shrunken" / "Plate_2_images"
    human = root / "microscopy" / "cellprofiler_examples" / "ExampleHuman" / "images"

    def planes(paths: list[Path], factor: int) -> list[np.ndarray]:
        return [shrink(read_plane(path), factor) for path in paths]

    return {
        "JUMP site": (
            planes([jump / "r01c01f01p01-ch5sk1fk1fl1.tiff"], 3),
            planes([jump / f"r01c01f01p01-ch{number}sk1fk1fl1.tiff" for number in (2, 3)], 3),
        ),
        "6-channel site": (
            planes([site / "r03c03f03p01-ch5sk1fk1fl1.tiff"], 3),
            planes([site / f"r03c03f03p01-ch{number}sk1fk1fl1.tiff" for number in (2, 3, 4, 6)], 3),
        ),
        "NF1 fields": (planes(sorted(nf1.glob("*DAPI*")), 4), planes(sorted(nf1.glob("*[GR]FP*")), 4)),
        "ExampleHuman": (planes(sorted(human.glob("*d0.tif")), 3), planes(sorted(human.glob("*d2.tif")), 3)),
    }


def statistics(plane: np.ndarray) -> dict[str, float]:
    """Of one plane, or of one crop of it."""
    values = plane.astype(np.float64)
    centred = (values - values.mean()) / values.std()
    detail = values[1:-1, 1:-1] - (values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]) / 4
    return {
        **plane_quality(plane),
        "skewness": float((centred**3).mean()),
        "variation": float(values.std() / values.mean()),
        "noise": float(1.4826 * np.median(np.abs(detail)) / values.std()),
    }


def crops(plane: np.ndarray) -> list[np.ndarray]:
    grid = Grid(*plane.shape, SIZE, plane.shape[0] // SIZE, plane.shape[1] // SIZE)
    return [plane[top : top + SIZE, left : left + SIZE] for top, left in grid.corners]


def summary(planes: list[np.ndarray]) -> dict[str, np.ndarray]:
    found = [statistics(crop) for crop in planes if crop.min() < crop.max()]
    return {name: np.percentile([one[name] for one in found], [5, 50, 95]) for name in STATISTICS}


def cells(planes: list[np.ndarray]) -> dict[str, np.ndarray]:
    count, wide, bright = [], [], []
    for plane in planes:
        labels = nuclei(plane, DIAMETER)
        areas = np.bincount(labels.ravel())[1:]
        count.append(1e4 * len(areas) / plane.size)
        wide += np.sqrt(4 / np.pi * areas).tolist()
        light = plane - np.percentile(plane, 5)
        means = [light[labels == number].mean() for number in range(1, len(areas) + 1)]
        bright.append(np.std(means) / np.mean(means) if means else np.nan)
    return {
        "nuclei a 10^4 px": np.nanpercentile(count, [5, 50, 95]),
        "nuclear width, px": np.nanpercentile(wide, [5, 50, 95]),
        "nuclear light, CV": np.nanpercentile(bright, [5, 50, 95]),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--fields", type=int, default=60)
    options = parser.parse_args()
    mirror = mirror_folder()
    if mirror is None:
        raise SystemExit("set HOOKE_MIRROR to the folder of real data")
    real = real_fields(mirror)
    simulated: dict[str, list[np.ndarray]] = {}
    for style in ("jump_cp", "rxrx1"):
        screen = Screen(ScreenConfig(style, seed=11, size=SIZE, compounds=0))
        rows = np.linspace(0, len(screen) - 1, options.fields).astype(int)
        simulated[f"simulated {style}"] = [screen.render(int(row)) for row in rows]
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name, (nuclear, others) in real.items():
        columns[name] = {
            **cells(nuclear),
            **{f"DNA {key}": value for key, value in summary([c for p in nuclear for c in crops(p)]).items()},
            **{f"other {key}": value for key, value in summary([c for p in others for c in crops(p)]).items()},
        }
    for name, fields in simulated.items():
        columns[name] = {
            **cells([field[0] for field in fields]),
            **{f"DNA {key}": value for key, value in summary([field[0] for field in fields]).items()},
            **{f"other {key}": value for key, value in summary([p for field in fields for p in field[1:]]).items()},
        }
    width = 22
    print("5%, 50% and 95% over crops of", SIZE, "px")
    print(" " * width + "".join(f"{name:>24}" for name in columns))
    for key in next(iter(columns.values())):
        cellsline = "".join(f"{'{:.3g} {:.3g} {:.3g}'.format(*column[key]):>24}" for column in columns.values())
        print(f"{key:<{width}}{cellsline}")
    if options.picture:
        picture(options.picture, real, simulated)


def picture(
    path: Path, real: dict[str, tuple[list[np.ndarray], list[np.ndarray]]], simulated: dict[str, list[np.ndarray]]
) -> None:
    """Real crops above, simulated fields below."""
    import matplotlib.pyplot as plt

    rows = [[crops(plane)[0] for plane in (nuclear + others)[:6]] for nuclear, others in real.values()]
    rows += [list(field[:6]) for fields in simulated.values() for field in fields[::20]]
    figure, axes = plt.subplots(len(rows), 6, figsize=(12, 2 * len(rows)))
    for line, planes in zip(axes, rows, strict=True):
        for axis in line:
            axis.axis("off")
        for axis, plane in zip(line, planes, strict=False):
            axis.imshow(stretch(plane), cmap="gray", vmin=0, vmax=1)
    figure.tight_layout()
    figure.savefig(path, dpi=70)


if __name__ == "__main__":
    main()
