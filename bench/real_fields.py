"""Real fields: a trained encoder on other microscopes' channels, and a masked autoencoder trained on real fields alone.

    HOOKE_MIRROR=... python bench/real_fields.py RUN OUT [--set train.epochs=60] [--part valid]

RUN is a finished CA-MAE run (`hooke fit screen_ca_mae`), or an encoder that comes along (tiny_cells). OUT gets report.html with
the pictures, real_fields.json and the run folders.

1. The encoder embeds the 6-channel site, the JUMP site (3 channels) and the NF1 fields (3 channels) as they are, shrunk to its
   pixel size. Printed: how much the embedding moves when the channels come in reverse order, and, for every channel, the cosine
   of the mean embedding (over channels) without it, and of it alone, to that of all: of the mean over crops, which the common
   part of all embeddings rules, and of single crops after that mean is taken away. The same encoder with random weights stands
   beside it.
2. An MAE of one channel is trained on crops of real planes only: 72 DNA fields of 24 wells, the sites above, ExampleHuman. Of
   the DNA fields three wells are for validation, on which the recipe was chosen, and six are held out. On masked crops of those
   its mean squared error (crops standardised) stands beside the mean of the visible pixels, a cubic interpolation of them
   (SciPy's Clough-Tocher, nearest outside) and a harmonic one (Laplace's equation), with bootstrap intervals over wells.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.interpolate import griddata
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import spsolve

from hooke.core.how import QUIET, How
from hooke.core.label import Label
from hooke.core.paths import mirror_folder
from hooke.core.recipe import load_recipe
from hooke.images.batch import image_batch
from hooke.images.loader import ImageLoader
from hooke.images.reading.ingest import prepare_folder
from hooke.images.reading.options import FolderOptions
from hooke.images.reading.planes import read_plane
from hooke.images.store import ImageStore
from hooke.images.tiles import shrink
from hooke.inference.loaded import LoadedRun
from hooke.inference.shipped import run_path
from hooke.modalities.images.pictures import picture
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.schema import Picture, Report, Summary
from hooke.train.fit import fit

PATCH, CROP, RATIO, SHOWN = 8, 64, 0.75, 8
SITES = {
    "6-channel site": ("pediatric_cancer_atlas_profiling/images/orig", "phenix", "", 3),
    "JUMP site": ("JUMP_plate_BR00117006/images/orig", "phenix", "", 3),
    "NF1 fields": (
        "NF1_cellpainting_data_shrunken/Plate_2_images", "pattern",
        r"(?P<well>[A-H]\d+)_01_\d_(?P<site>\d)_(?P<channel>[A-Z]+)_001\.tif", 2,
    ),
}  # fmt: skip


def real_stores(mirror: Path, out: Path) -> dict[str, ImageStore]:
    found = {}
    for name, (folder, layout, pattern, factor) in SITES.items():
        path = mirror / "microscopy" / "cytodataframe" / folder
        if layout == "phenix":  # the layout wants batch/plate/Images/
            plate = out / "plates" / folder.split("/")[0] / "P1" / "Images"
            plate.mkdir(parents=True, exist_ok=True)
            for file in path.glob("*.tif*"):
                (plate / file.name).unlink(missing_ok=True)
                (plate / file.name).symlink_to(file)
            path = plate.parent.parent
        options = FolderOptions(path=str(path), layout=layout, pattern=pattern, downsample=factor)  # type: ignore[arg-type]
        found[name] = prepare_folder(options, out / "stores", QUIET, name=folder.split("/")[0])
    return found


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


def crop_vectors(run: LoadedRun, store: ImageStore, channels: tuple[str, ...]) -> np.ndarray:
    """(crops, channels, width): the mean over each channel's patches, for each crop of the grid that covers the fields."""
    loader = ImageLoader(store, np.arange(len(store)), 32, seed=None, crop=CROP, channels=channels)
    embed = run.network.encoder.embed_channels
    with torch.no_grad():
        return np.concatenate([embed(batch).double().numpy() for batch in loader.tiles("cover")])


def likeness(found: np.ndarray, whole: np.ndarray) -> tuple[float, float]:
    """Of means over channels: the cosine of their means over crops, and the mean cosine of the crops after these are taken away."""
    found, whole = found.mean(1), whole.mean(1)
    one, other = found - found.mean(0), whole - whole.mean(0)
    rows = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return cosine(found.mean(0), whole.mean(0)), float(rows.mean())


def channels_table(run: LoadedRun, stores: dict[str, ImageStore]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, store in stores.items():
        whole = crop_vectors(run, store, store.channels)
        turned = crop_vectors(run, store, store.channels[::-1])[:, ::-1]
        moved = float(np.abs(turned - whole).max() / np.abs(whole).max())
        table = {
            channel: {
                "without": likeness(
                    crop_vectors(run, store, tuple(one for one in store.channels if one != channel)), whole
                ),
                "alone": likeness(crop_vectors(run, store, (channel,)), whole),
            }
            for channel in store.channels
        }
        found[name] = {
            "fields": len(store), "crops": len(whole), "channels": list(store.channels), "order_changes": moved, "table": table,
        }  # fmt: skip
        print(
            f"\n{name}: {len(store)} fields, {len(whole)} crops, {len(store.channels)} channels; "
            f"reversed order moves the embedding by {moved:.1e}"
        )
        print("cosine to all channels    without it: mean   crops      alone: mean   crops")
        for channel, row in table.items():
            (mean, crops), (lone, lone_crops) = row["without"], row["alone"]
            print(f"{channel:<25}{mean:>17.3f}{crops:>8.3f}{lone:>17.3f}{lone_crops:>8.3f}")
    return found


def write_planes(mirror: Path, folder: Path) -> Path:
    """One npz a real plane, halved or shrunk until nuclei are alike; `part` says which wells are held out."""
    images = folder / "planes"
    images.mkdir(parents=True, exist_ok=True)
    lines = ["well,source,part"]
    number = 0

    def write(plane: np.ndarray, source: str, part: str) -> None:
        nonlocal number
        well = f"{'ABCDEFGHIJKLMNOP'[number // 24]}{number % 24 + 1:02d}"
        values = shrink(plane, 2) if part or source == "human" else shrink(plane, 3)
        scaled = values if values.dtype == np.uint8 else np.clip(values.astype(np.float64), 0, 65535).astype(np.uint16)
        scaled = scaled.astype(np.uint16) * (257 if scaled.dtype == np.uint8 else 1)
        np.savez(images / f"{well}_s1.npz", image=scaled[None], channels=np.array(["plane"]))
        lines.append(f"{well},{source},{part or 'train'}")
        number += 1

    archive = np.load(mirror / "microscopy" / "cellprofiler_examples" / "illum_AS_09047_72fields.npz")
    wells = [str(name).split("f0")[0] for name in archive["names"]]
    names = sorted(set(wells))
    parts = {
        well: "test" if place % 4 == 0 else "valid" if place % 8 == 2 else "train" for place, well in enumerate(names)
    }
    for plane, well in zip(archive["images"], wells, strict=True):
        write(plane, well, parts[well])
    for path in sorted((mirror / "microscopy" / "cytodataframe").glob("*/images/orig/*.tif*")):
        write(read_plane(path), "site", "")
    for path in sorted((mirror / "microscopy" / "cytodataframe").glob("NF1*/Plate_2_images/*.tif")):
        write(read_plane(path), "nf1", "")
    for path in sorted((mirror / "microscopy" / "cellprofiler_examples" / "ExampleHuman" / "images").glob("*.tif")):
        write(read_plane(path), "human", "")
    table = folder / "planes.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def inpainted(crop: np.ndarray, hidden: np.ndarray) -> list[np.ndarray]:
    """What is hidden by the mean of the visible pixels, by their cubic interpolation, and by the harmonic one."""
    seen, wanted, values = np.argwhere(~hidden), np.argwhere(hidden), crop[~hidden]
    cubic = griddata(seen, values, wanted, method="cubic")
    outside = np.isnan(cubic)
    cubic[outside] = griddata(seen, values, wanted[outside], method="nearest")
    return [np.full(len(wanted), values.mean()), np.clip(cubic, values.min(), values.max()), harmonic(crop, hidden)]


def harmonic(crop: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Each hidden pixel the mean of its neighbours; no flow over the border."""
    numbers = np.arange(crop.size).reshape(crop.shape)
    across = np.concatenate([np.stack([numbers[:, :-1].ravel(), numbers[:, 1:].ravel()]),
                             np.stack([numbers[:-1].ravel(), numbers[1:].ravel()])], axis=1)  # fmt: skip
    links = coo_matrix((np.ones(across.shape[1]), (across[0], across[1])), (crop.size, crop.size))
    links = (links + links.T).tocsr()
    laplacian = (diags(np.asarray(links.sum(1)).ravel()) - links).tocsr()
    inside, outside = np.flatnonzero(hidden), np.flatnonzero(~hidden)
    return spsolve(laplacian[inside][:, inside].tocsc(), -laplacian[inside][:, outside] @ crop.ravel()[outside])


def reconstruct(run: LoadedRun, store: ImageStore, part: str, count: int) -> tuple[dict[str, Any], Picture]:
    table = store.metadata
    rows = np.flatnonzero((table["part"] == part).to_numpy())
    generator = np.random.default_rng(0)
    chosen = rows[generator.integers(0, len(rows), count)]
    sizes = store.sizes[chosen] - CROP
    corners = np.floor(generator.random((count, 2)) * (sizes + 1)).astype(int)
    pixels = store.read_crops(chosen, corners[:, 0], corners[:, 1], (CROP, CROP))
    kept = (
        pixels.reshape(count, -1).std(axis=1) > np.median(pixels.reshape(count, -1).std(axis=1)) / 3
    )  # not empty ground
    pixels, chosen = pixels[kept], chosen[kept]
    batch = image_batch(pixels, store.channels, chosen)
    encoder = run.network.encoder
    noise = torch.rand(len(pixels), encoder.maskable(batch), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = encoder.reconstruct(batch, noise, RATIO)
    true, predicted = found.target_image[:, 0].numpy(), found.image[:, 0].numpy()
    down = CROP // PATCH
    hidden = found.hidden.numpy().reshape(-1, down, down).repeat(PATCH, 1).repeat(PATCH, 2)
    names = ("MAE", "mean", "cubic", "harmonic")
    errors = np.zeros((len(pixels), len(names)))
    shown: list[list[np.ndarray]] = []
    for number, (crop, guess, mask) in enumerate(zip(true, predicted, hidden, strict=True)):
        ways = [guess[mask], *inpainted(crop, mask)]
        errors[number] = [((one - crop[mask]) ** 2).mean() for one in ways]
        if number < SHOWN:
            shown.append([])
            for way in (ways[1], *ways[2:], ways[0]):
                filled = crop.copy()
                filled[mask] = way
                shown[-1].append(filled)
            shown[-1].append(crop)
    columns = [np.stack([row[place] for row in shown]) for place in range(len(names) + 1)]
    note = f"{SHOWN} held-out crops: visible quarter with its mean, cubic interpolation, harmonic interpolation, MAE, truth."
    wells = table["source"].to_numpy()[chosen]
    result: dict[str, Any] = {"crops": len(errors), "wells": len(np.unique(wells))}
    print(
        f"\n{part} real crops: {result['crops']} of {result['wells']} wells, {RATIO:.0%} hidden; error of standardised pixels"
    )
    for place, name in enumerate(names):
        result[name] = interval(errors[:, place], wells)
        print(f"{name:<10}{result[name][0]:>8.3f} [{result[name][1]:.3f}, {result[name][2]:.3f}]")
    for place, name in enumerate(names[1:], start=1):
        result[f"MAE - {name}"] = interval(errors[:, 0] - errors[:, place], wells)
        value, low, high = result[f"MAE - {name}"]
        print(f"MAE - {name:<10}{value:>+8.3f} [{low:+.3f}, {high:+.3f}]")
    return result, picture("Real held-out crops", columns, note)


def report(out: Path, encoder: str, result: dict[str, Any], pictures: tuple[Picture, ...]) -> Path:
    """One page of all of it."""
    scores, sites = result["reconstruction"], result["channels"]
    value, low, high = scores["MAE - cubic"]
    best, best_low, best_high = scores["MAE - harmonic"]
    verdict = (
        f"On {scores['crops']} held-out crops of {scores['wells']} wells the MAE's error is {scores['MAE'][0]:.3f}; minus that of cubic "
        f"interpolation {value:+.3f} [{low:+.3f}, {high:+.3f}], minus that of harmonic interpolation {best:+.3f} "
        f"[{best_low:+.3f}, {best_high:+.3f}]."
    )
    numbers = tuple(
        KeyNumber(f"{site['order_changes']:.0e}", f"moved by the order of channels, {name}", f"{encoder}, relative")
        for name, site in sites.items()
    )
    tables = tuple(
        build.result_table(
            f"{name}: single crops without a channel, or with it alone", [Label(channel, "graph") for channel in site["channels"]],
            "cosine", {way: [row[way][1] for row in site["table"].values()] for way in ("without", "alone")},
            higher_is_better=True, counts=[site["crops"]] * len(site["channels"]), baselines=(), part="", intervals="",
            note=f"cosine to the embedding of all channels, after the mean over crops is taken away; {encoder}",
        )
        for name, site in sites.items()
    )  # fmt: skip
    page = Report(
        title="Real fields of cells", subtitle=f"{encoder} on other microscopes' channels, and an MAE of real fields alone",
        created=datetime.now(UTC).isoformat(timespec="seconds"), summary=Summary(verdict, key_numbers=numbers),
        results=tables, pictures=pictures, items="crops",
    )  # fmt: skip
    return write_report(page.write(out / "report.json"), out / "report.html")


def interval(values: np.ndarray, wells: np.ndarray) -> list[float]:
    """Mean and its 95% bootstrap interval over wells."""
    names, place = np.unique(wells, return_inverse=True)
    sums, counts = np.bincount(place, values), np.bincount(place)
    draws = np.random.default_rng(0).integers(0, len(names), (2000, len(names)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    return [float(values.mean()), *(float(bound) for bound in np.quantile(means, [0.025, 0.975]))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=str)
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", nargs="*", default=[], metavar="a.b=c", help="overrides of the recipe real_mae")
    parser.add_argument("--part", choices=("valid", "test"), default="test", help="whose crops are reconstructed")
    parser.add_argument("--crops", type=int, default=200)
    options = parser.parse_args()
    mirror = mirror_folder()
    if mirror is None:
        raise SystemExit("set HOOKE_MIRROR to the folder of real data")
    trained = LoadedRun.open(run_path(options.run), "cpu")
    stores = real_stores(mirror, options.out)
    result = {"channels": channels_table(trained, stores)}
    print("\nthe same with random weights")
    result["random weights"] = channels_table(trained.untrained(), stores)
    table = write_planes(mirror, options.out)
    planes = FolderOptions(path=str(options.out / "planes"), metadata=str(table), layout="npz", tile=64)
    store = prepare_folder(planes, options.out / "stores", How(workers=0), name="planes")
    run = fit(load_recipe("real_mae", options.set), runs=options.out / "runs", store=store, reuse=True)
    loaded = LoadedRun.open(run.folder, "cpu")
    result["reconstruction"], made = reconstruct(loaded, store, options.part, options.crops)
    (options.out / "real_fields.json").write_text(json.dumps(result, indent=1))
    fields = tuple(
        picture(name, list(one.read([0])), f"One field. Rows: {', '.join(one.channels)}.")
        for name, one in stores.items()
    )
    print(f"\nwritten: {options.out / 'real_fields.json'}, {report(options.out, options.run, result, (made, *fields))}")


if __name__ == "__main__":
    main()
