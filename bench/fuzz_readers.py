"""Damaged and made-up files of every kind against every reader: nothing but the library's own errors may come out.

    python bench/fuzz_readers.py [--count 10000] [--seed 0] [--only NAME ...] [--keep FOLDER]

A sound file of each kind is written once. Each trial takes one of them and cuts it, flips bits, puts in random bytes, doubles or takes out
a run, exchanges numbers by extreme ones, joins two files, gives it the name of another kind, or begins from random bytes, and reads
it as a user's file. A trial ends well with values, refused rows or a `HookeError`; anything else is printed with seed and file kept, and
the exit code is 1. Ends with the counts of each reader: read, refused, foreign.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core import checked
from hooke.core.errors import HookeError

EXTREMES = (
    b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x00\x00\x00\x80", b"\xff\xff\xff\x7f", b"NaN", b"inf", b"-1", b"1e999", b"9" * 400,
    b"\xed\xa0\x80", b"\xc3", b"\x00", b'"', b"'", b"\n", b"\r", b"\t", b",", b"[" * 3000, b"{" * 3000, b"(" * 3000, b"\xef\xbb\xbf",
    b"\xff\xfe", "ε".encode() * 40, b"null", b"true", b"$$$$\n", b"M  END\n", b"> <x>\n", b"\xf0\x9f\xa7\xaa",
)  # fmt: skip


def sound_files(folder: Path) -> dict[str, tuple[Path, Callable[[Path], Any]]]:
    """Name → a sound file or folder and what reads it."""
    from hooke.cells import annotations, cellprofiler, files
    from hooke.cells.profiles import Profiles
    from hooke.core import archives, pt_files, recipe, runs
    from hooke.core.rows import RowsSource
    from hooke.evaluate import correction
    from hooke.images.reading import layouts, metadata, planes
    from hooke.maps import evaluation as map_evaluate
    from hooke.molecules.parse import ParseError, parse
    from hooke.molecules.prepare import prepare
    from hooke.molecules.source import open_source
    from hooke.molecules.tables.label_columns import dense_labels, read_batches
    from hooke.molecules.tables.reading import read_table
    from hooke.nn.weights import read_weights
    from hooke.serve.explore import open_map
    from hooke.studies.scaling import read_grid
    from hooke.studies.search.space import read_space

    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, tuple[Path, Callable[[Path], Any]]] = {}
    generator = np.random.default_rng(0)

    def table(path: Path) -> None:
        columns: list[str] = []
        for chunk in read_table(path):
            columns = list(chunk.columns)
            prepare(chunk.columns[columns[0]][:50] if columns else [])
        if columns:
            open_source(path, columns[0]).row_count()

    def smiles(path: Path) -> None:
        for line in path.read_bytes().decode("utf-8", "surrogateescape").splitlines():
            try:
                parse(line)
            except ParseError:
                continue

    rows = ["CCO,1.5,a", "c1ccccc1,-2,b", "[Na+].[Cl-],3e-9,c", 'C/C=C/C,"4",d', "N[C@@H](C)C(=O)O |&1:1|,,e"]
    text = "smiles,y,name\n" + "\n".join(rows) + "\n"
    for name, data in {
        "table.csv": text.encode(), "table.tsv": text.replace(",", "\t").encode(), "table.csv.gz": gzip.compress(text.encode(), mtime=0),
        "wide.csv": text.encode("utf-16"), "list.smi": b"CCO ethanol\nC methane\nc1ccccc1 benzene\n",
        "structures.sdf": _sdf().encode(), "structures.sdf.gz": gzip.compress(_sdf().encode(), mtime=0),
    }.items():  # fmt: skip
        (folder / name).write_bytes(data)
        found[name] = folder / name, table
    pl.DataFrame({"smiles": ["CCO", "C"], "y": [1.0, None], "n": [1, 2]}).write_parquet(folder / "table.parquet")
    found["table.parquet"] = folder / "table.parquet", table
    (folder / "strings.smiles").write_text("\n".join(row.split(",")[0] for row in rows))
    found["strings.smiles"] = folder / "strings.smiles", smiles
    (folder / "numbers.csv").write_text("smiles,a,b\nCCO,1,2\nC,nan,3\n")

    def numbers(path: Path) -> None:
        from hooke.core.label import Label

        labels = {name: Label(name) for name in ("a", "b")}
        for batch in read_batches(path, ["smiles", "a", "b"], {"smiles"}):
            dense_labels(batch, labels, path.name, 1)

    found["numbers.csv"] = folder / "numbers.csv", numbers
    found["rows.csv"] = folder / "table.csv", lambda path: RowsSource.of(path, lambda rows: None, column="smiles")  # type: ignore[arg-type,return-value]

    wells = pl.DataFrame({"plate": ["P"] * 12, "well": [f"A{n:02d}" for n in range(1, 13)], "site": [1] * 12, "gene": ["G", "H", ""] * 4,
                          "control": ["", "", "negative"] * 4, "concentration_um": [0.5] * 12})  # fmt: skip
    wells.write_csv(folder / "wells.csv")
    wells.write_parquet(folder / "wells.parquet")
    (folder / "wells.csv.gz").write_bytes(gzip.compress((folder / "wells.csv").read_bytes(), mtime=0))
    for name in ("wells.csv", "wells.parquet", "wells.csv.gz"):
        found[name] = folder / name, metadata.read_metadata
    profiles = Profiles(generator.normal(size=(12, 4)).astype(np.float32), wells.drop("site"), ("f1", "f2", "f3", "f4"))
    profiles.write(folder / "sealed.parquet")
    found["sealed.parquet"] = folder / "sealed.parquet", files.read_measured
    _unsealed(folder / "sealed.parquet", folder / "profiles.parquet")
    found["profiles.parquet"] = folder / "profiles.parquet", files.read_measured
    found["joined.csv"] = folder / "wells.csv", lambda path: files.join_metadata(profiles, path)
    wells.with_columns(Cells_Area=pl.lit(1.5), Nuclei_Area=pl.lit(2.5)).write_csv(folder / "cells.csv")
    found["cells.csv"] = (
        folder / "cells.csv",
        lambda path: (cellprofiler.read_cellprofiler(path), files.read_profiles(path)),
    )
    try:
        profiles.write(folder / "profiles.h5ad")
        found["profiles.h5ad"] = folder / "profiles.h5ad", files.read_measured
    except HookeError:
        print("without anndata: no .h5ad", file=sys.stderr)
    (folder / "P7").mkdir(exist_ok=True)
    np.savez_compressed(folder / "P7" / "A01_1.npz", features=np.ones((3, 4), np.float32))
    found["P7"] = folder / "P7", files.read_profiles
    entities = pl.DataFrame({"entity": ["G", "H", "I"], "kind": ["gene"] * 3, "layout_x": [0.0, 1, 2], "layout_y": [0.0, 1, 2],
                             "layout_method": ["pca"] * 3})  # fmt: skip
    Profiles(generator.normal(size=(3, 4)).astype(np.float32), entities, ("a", "b", "c", "d")).write(
        folder / "sealed map.parquet"
    )
    _unsealed(folder / "sealed map.parquet", folder / "map.parquet")
    found["map.parquet"] = folder / "map.parquet", open_map
    (folder / "pairs.csv").write_text("entity1,entity2\nG,H\nH,I\n")
    found["pairs.csv"] = folder / "pairs.csv", lambda path: annotations.read_pairs(path, "mine")
    (folder / "targets.csv").write_text("compound,gene\nx,G\ny,H\n")
    found["targets.csv"] = folder / "targets.csv", map_evaluate.read_targets
    (folder / "clusters.txt").write_text("one\tG H I\ntwo\tA B\n")
    found["clusters.txt"] = folder / "clusters.txt", map_evaluate.read_clusters
    correction.fit("centre", profiles.values, np.repeat(["a", "b"], 6), np.arange(12) % 3 == 2).save(
        folder / "centre.npz"
    )
    found["centre.npz"] = folder / "centre.npz", correction.load

    plane = generator.integers(0, 4000, (24, 20)).astype(np.uint16)
    for name, key in _write_planes(folder, plane).items():
        found[name] = folder / name, lambda path, key=key: planes.read_plane(path, key)  # type: ignore[misc]
    for name in ("plate.zarr", "plane.tif", "stack.npz", "images.parquet"):
        if (folder / name).exists():
            index = folder / f"{name} in a folder"
            index.mkdir(exist_ok=True)
            inner = index / ("A01.ome.tif" if name == "plane.tif" else "A01.npz" if name == "stack.npz" else name)
            (shutil.copytree if (folder / name).is_dir() else shutil.copyfile)(folder / name, inner)
            found[index.name] = index, layouts.index_folder

    pt_files.write_integer_lists(folder / "split.pt", {"train": range(300), "val": [3], "test": [4]})
    found["split.pt"] = folder / "split.pt", pt_files.read_integer_lists
    checked.write_arrays(folder / "arrays.npz", {"a": np.arange(4)})
    found["arrays.npz"] = folder / "arrays.npz", checked.read_arrays
    checked.write_array(folder / "array.npy", np.arange(40.0))
    found["array.npy"] = folder / "array.npy", checked.read_array
    import zipfile

    with zipfile.ZipFile(folder / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/data.csv", text)
    found["archive.zip"] = (
        folder / "archive.zip",
        lambda path: archives.extract(path, "data.csv", path.parent / "unpacked"),
    )

    from safetensors.numpy import save_file

    save_file({"w": np.ones((3, 2), np.float32), "b": np.zeros(2, np.float32)}, folder / "w.safetensors")
    found["w.safetensors"] = folder / "w.safetensors", read_weights
    (folder / "recipe.toml").write_text(
        'extends = "tiny_gine"\n[train]\nepochs = 3\n[model]\nname = "gine"\nwidth = 32\n'
    )
    found["recipe.toml"] = folder / "recipe.toml", lambda path: recipe.load_recipe(path)
    (folder / "space.toml").write_text(
        '"train.lr" = {low = 1e-4, high = 1e-2, log = true}\n"model.width" = {choices = [32, 64]}\n'
    )
    found["space.toml"] = folder / "space.toml", read_space
    (folder / "grid.toml").write_text('[width]\n"model.width" = [32, 64, 128]\n')
    found["grid.toml"] = folder / "grid.toml", read_grid
    found.update(_stores(folder, profiles))
    found.update(_conformers(folder))
    run = runs.RunFolder.create(folder / "runs", "tiny", {"model": {"name": "gine"}}, "0" * 64)
    run.log_metrics(step=1, loss=0.5)
    run.finish()
    found["run"] = run.folder, lambda path: (runs.RunFolder.open(path).recipe, runs.RunFolder.open(path).metrics())
    return found


def _unsealed(path: Path, to: Path) -> None:
    """The same table without its checksum, so that damage gets further."""
    about = {
        name: text
        for name, text in pl.read_parquet_metadata(path).items()
        if name not in ("ARROW:schema", *checked.SEAL)
    }
    pl.read_parquet(path).write_parquet(to, metadata=about)


def _sdf() -> str:
    from rdkit import Chem

    records = []
    for number, text in enumerate(("CCO", "c1ccccc1", "C[C@H](N)C(=O)O")):
        records.append(
            Chem.MolToMolBlock(Chem.MolFromSmiles(text))
            + f">  <logS>  ({number})\n{number}.5\n\n> <id>\nm{number}\n\n$$$$\n"
        )
    return "".join(records)


def _write_planes(folder: Path, plane: np.ndarray) -> dict[str, str]:
    """Files of one plane in every format whose package is there, with the key of the plane."""
    names = {"plane.npy": "", "stack.npz": "image/1"}
    np.save(folder / "plane.npy", plane)
    np.savez_compressed(folder / "stack.npz", image=np.stack([plane, plane]), channels=np.array(["DNA", "ER"]))
    import imagecodecs
    import PIL.Image
    import tifffile
    import zarr

    tifffile.imwrite(folder / "plane.tif", plane)
    tifffile.imwrite(folder / "packed.tif", plane, compression="zlib", tile=(16, 16))
    tifffile.imwrite(
        folder / "many.ome.tif", np.stack([plane] * 2), metadata={"axes": "CYX", "Channel": {"Name": ["DNA", "ER"]}}
    )
    PIL.Image.fromarray(plane).save(folder / "plane.png")
    PIL.Image.fromarray((plane >> 4).astype(np.uint8)).save(folder / "plane.jpg")
    packed = imagecodecs.jpeg2k_encode(plane, level=0, reversible=True)
    (folder / "plane.jp2").write_bytes(packed)
    pl.DataFrame({"__key__": ["gene-001/Plate1/A01_s1_1"], "jp2": [{"bytes": packed, "path": None}]}).write_parquet(
        folder / "images.parquet"
    )
    group = zarr.open_group(str(folder / "plate.zarr"), mode="w", zarr_format=2)
    group.attrs["plate"] = {"wells": [{"path": "A/1"}], "rows": [{"name": "A"}], "columns": [{"name": "1"}]}
    well = group.require_group("A/1")
    well.attrs["well"] = {"images": [{"path": "0"}]}
    field = group.require_group("A/1/0")
    field.attrs["multiscales"] = [{"datasets": [{"path": "0"}], "axes": [{"name": name} for name in "tczyx"]}]
    array = field.create_array("0", shape=(1, 2, 1, *plane.shape), dtype="uint16", chunks=(1, 1, 1, 16, 16))
    array[:] = np.broadcast_to(plane, (1, 2, 1, *plane.shape))
    return names | dict.fromkeys(("plane.tif", "packed.tif", "plane.png", "plane.jpg", "plane.jp2"), "") | {
        "many.ome.tif": "1", "images.parquet": "jp2|0", "plate.zarr": "A/1/0/0|0,1,0",
    }  # fmt: skip


def _stores(folder: Path, profiles: Any) -> dict[str, tuple[Path, Callable[[Path], Any]]]:
    from hooke.cells.store import ProfileStore
    from hooke.core.how import QUIET
    from hooke.core.store import check_store
    from hooke.datasets import csv
    from hooke.molecules.store import MoleculeStore

    def molecules(path: Path) -> None:
        store = MoleculeStore.open(path)
        store.smiles(np.arange(len(store)))
        store.arrays(np.arange(len(store)))

    ProfileStore.write(profiles, folder / "profile store")
    stores: dict[str, tuple[Path, Callable[[Path], Any]]] = {
        "profile store": (
            folder / "profile store",
            lambda path: (ProfileStore.open(path).profiles(), check_store(path)),
        )
    }
    made = csv.Dataset(csv.Config(path=str(folder / "table.csv"), targets=("y",))).prepare(folder / "stores", QUIET)
    stores["molecule store"] = made.folder, molecules
    return stores


def _conformers(folder: Path) -> dict[str, tuple[Path, Callable[[Path], Any]]]:
    """SD files and Parquet of `hooke conformers generate`, read as references and as data to learn from."""
    import hooke
    from hooke.atoms.conformers.records import ordered, read_records
    from hooke.workflows._conformer_records import read_conformers

    table = folder / "to embed.smi"
    table.write_text("C[C@H](O)F\nC[NH3+].[Cl-]\n")
    hooke.conformers.generate(table, folder / "conformers.sdf", number=2, relax="none", workers=0, show_progress=False)
    (folder / "conformers.sdf.gz").write_bytes(gzip.compress((folder / "conformers.sdf").read_bytes(), mtime=0))

    def both(path: Path) -> None:
        for molecule, _, reason in read_records(path, "energy"):
            if not reason:
                ordered(molecule)
        read_conformers(path)

    return {name: (folder / name, both) for name in ("conformers.sdf", "conformers.sdf.gz", "conformers.sdf.parquet")}


def damaged(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """The bytes of a file after one to three kinds of damage."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        place = chance.randrange(len(data) + 1)
        length = min(chance.choice((1, 2, 4, 16, 200, 5000)), len(data) - place)
        kind = chance.randrange(9)
        if kind == 0:
            data = data[:place]
        elif kind == 1 and data:
            flipped = bytearray(data)
            for _ in range(chance.choice((1, 1, 4, 30))):
                flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
            data = bytes(flipped)
        elif kind == 2:
            data = data[:place] + chance.randbytes(length) + data[place + length :]
        elif kind == 3:
            data = data[:place] + data[place : place + length] * chance.choice((2, 3, 100)) + data[place + length :]
        elif kind == 4:
            data = data[:place] + data[place + length :]
        elif kind == 5:
            extreme = chance.choice(EXTREMES)
            data = data[:place] + extreme + data[place + chance.choice((0, len(extreme))) :]
        elif kind == 6:
            other = chance.choice(others)
            data = data[:place] + other[chance.randrange(len(other) + 1) :]
        elif kind == 7:
            data = chance.choice((b"", chance.randbytes(chance.randrange(300)), chance.choice(others)))
        else:
            size = chance.choice((2, 4, 8))
            value = chance.choice((0, 1, 255, 65_535, (1 << 31) - 1, (1 << 32) - 1, (1 << 63) - 1)) & (
                (1 << 8 * size) - 1
            )
            data = data[:place] + struct.pack(f"{chance.choice('<>')}Q", value)[:size] + data[place + size :]
    return data


def trial(
    name: str,
    sound: dict[str, tuple[Path, Callable[[Path], Any]]],
    pool: list[bytes],
    place: Path,
    chance: random.Random,
) -> tuple[str, str]:
    """One damaged file read: "read", "refused" or "foreign", and what was raised."""
    path, read = sound[name]
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    target = place / path.name
    if path.is_dir():
        shutil.copytree(path, target)
        inner = sorted(part for part in target.rglob("*") if part.is_file())
        hurt = chance.choice(inner)
        if chance.random() < 0.1:
            hurt.unlink()
        else:
            hurt.write_bytes(damaged(hurt.read_bytes(), pool, chance))
    else:
        target.write_bytes(damaged(path.read_bytes(), pool, chance))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(target)
    except HookeError as error:
        return "refused", str(error)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return "foreign", traceback.format_exc()
    return "read", ""


def trials(folder: Path, count: int, seed: int, only: list[str] | None = None) -> Iterator[tuple[int, str, str, str]]:
    """Number, reader, outcome and message of each trial; every reader gets as many."""
    sound = sound_files(folder / "sound")
    pool = [path.read_bytes()[:20_000] for path, _ in sound.values() if path.is_file()]
    names = only or sorted(sound)
    for path, read in (sound[name] for name in names):
        read(path)  # what is sound is read
    for number in range(count):
        name = names[number % len(names)]
        yield number, name, *trial(name, sound, pool, folder / "trial", random.Random(f"{seed}/{number}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--keep", type=Path, help="folder for the files that made a foreign exception")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    started, slowest = time.monotonic(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        last = time.monotonic()
        for number, name, outcome, message in trials(Path(folder), options.count, options.seed, options.only):
            slowest, last = max(slowest, time.monotonic() - last) if number else 0.0, time.monotonic()
            counts.setdefault(name, Counter())[outcome] += 1
            if outcome == "foreign":
                print(f"trial {number}, {name}:\n{message}", flush=True)
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copytree(Path(folder) / "trial", options.keep / str(number), dirs_exist_ok=True)
    total = sum(counts.values(), Counter[str]())
    print(json.dumps({"seed": options.seed, "readers": len(counts), **total, "seconds": round(time.monotonic() - started),
                      "slowest_s": round(slowest, 1)}))  # fmt: skip
    for name, found in sorted(counts.items()):
        print(f"{name:<24} {dict(found)}")
    sys.exit(bool(total["foreign"]))


if __name__ == "__main__":
    main()
