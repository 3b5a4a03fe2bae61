"""What files that expand cost: the peak memory of reading each, in a process of its own, and what is said about it.

    python bench/bombs.py [--size 256] [--only NAME ...]

Every bomb is a small file of a kind that users hand over and that would unpack to `--size` MB of zeros, declares such a size, or is one
line of that length. Printed for each: bytes on the disk, peak resident memory of the reader in MB beside that of the same reader on a
sound file ("idle"), seconds, and the outcome: "refused" with the message, or "read".
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

READERS = {
    "table": "from hooke.molecules.tables.reading import read_table\nfor chunk in read_table(path): pass",
    "metadata": "from hooke.images.reading.metadata import read_metadata\nread_metadata(path)",
    "profiles": "from hooke.cells.files import read_profiles\nread_profiles(path)",
    "pairs": "from hooke.cells.annotations import read_pairs\nread_pairs(path, 'mine')",
    "plane": "from hooke.images.reading.planes import read_plane\nread_plane(path, key)",
    "folder": "from hooke.images.reading.layouts import index_folder\nindex_folder(path.parent)",
    "split": "from hooke.core.pt_files import read_integer_lists\nread_integer_lists(path)",
    "correction": "from hooke.evaluate.correction import load\nload(path)",
    "archive": "from hooke.core.archives import extract\nextract(path, 'data.csv', path.parent / 'out')",
    "weights": "from hooke.nn.weights import read_weights\nread_weights(path)",
    "recipe": "from hooke.core.recipe import load_recipe\nload_recipe(path)",
}
RUN = """
import json, sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from hooke.core.errors import HookeError
path, key = Path(sys.argv[1]), sys.argv[2]
started = time.monotonic()
try:
    READ
    said = "read"
except HookeError as error:
    said = "refused: " + str(error).replace(str(path), path.name)[:150]
except BaseException as error:
    said = f"FOREIGN {type(error).__name__}: {str(error)[:150]}"
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
print(json.dumps({"peak_mb": round(peak), "seconds": round(time.monotonic() - started, 1), "said": said}))
"""


def measured(reader: str, path: Path, key: str = "") -> dict[str, object]:
    """Peak memory, seconds and outcome of one read in a process of its own."""
    code = RUN.replace("    READ", "\n".join(f"    {line}" for line in READERS[reader].splitlines()))
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), key], capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode:
        return {"peak_mb": 0, "seconds": 0, "said": f"FOREIGN exit {done.returncode}: {done.stderr.strip()[-150:]}"}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _zeros_gz(size: int, line: bytes, header: bytes = b"") -> bytes:
    """A gzip file of a header and so many bytes of one line repeated, made without having them in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = line * max(1, (1 << 20) // len(line))
    parts = [packer.compress(header)]
    parts += [packer.compress(block) for _ in range(size // len(block) + 1)]
    return b"".join([*parts, packer.flush()])


def _npy_header(shape: str, dtype: str = "<u2") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _zip(path: Path, name: str, head: bytes, size: int, declared: int | None = None) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w", force_zip64=True) as file,
    ):
        file.write(head)
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    if declared is not None:  # a lie in the directory of the archive
        data = path.read_bytes()
        path.write_bytes(data.replace(struct.pack("<I", len(head) + (size >> 20 << 20)), struct.pack("<I", declared)))


def _png(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    lines = b"".join(packer.compress(bytes(1 + 2 * side)) for _ in range(side)) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 0, 0, 0, 0))
        + chunk(b"IDAT", lines)
        + chunk(b"IEND", b"")
    )


def bombs(folder: Path, size: int) -> dict[str, tuple[str, Path, str]]:
    """Name → reader, file and key; `size` in bytes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    import tifffile

    made: dict[str, tuple[str, Path, str]] = {}
    side = int((size / 2) ** 0.5)

    def put(name: str, reader: str, path: str, write: Callable[[Path], object], key: str = "") -> None:
        place = folder / name.replace(" ", "_").replace("/", "_") / path
        place.parent.mkdir(parents=True)
        write(place)
        made[name] = reader, place, key

    def bytes_of(data: bytes) -> Callable[[Path], object]:
        return lambda path: path.write_bytes(data)

    one_line = _zeros_gz(size, b"C")
    put("csv.gz of one line", "table", "a.csv.gz", bytes_of(one_line))
    put("csv.gz of equal rows", "metadata", "a.csv.gz", bytes_of(_zeros_gz(size, b"A01,0\n", b"well,y\n")))
    put(
        "csv.gz of equal rows, streamed", "table", "b.csv.gz", bytes_of(_zeros_gz(size // 256, b"C,0\n", b"smiles,y\n"))
    )
    put("csv of one line", "table", "a.csv", lambda path: path.write_bytes(b"C" * size))
    put(
        "csv with one long line",
        "table",
        "a.csv",
        lambda path: path.write_bytes(b"smiles,y\nC,1\n" + b"C" * (size // 8) + b",2\nCC,3\n"),
    )
    put(
        "csv with a wide header",
        "table",
        "a.csv",
        lambda path: path.write_bytes(b"smiles," + b"a," * (1 << 20) + b"\nC\n"),
    )
    put("metadata of one line", "metadata", "a.csv", lambda path: path.write_bytes(b"w" * size))
    put(
        "metadata with a wide header",
        "metadata",
        "a.csv",
        lambda path: path.write_bytes(b"well," + b"a," * (1 << 20) + b"\nA01\n"),
    )
    put("profiles, gzipped rows", "profiles", "a.csv.gz", bytes_of(_zeros_gz(size, b"0,0\n", b"f1,f2\n")))
    put("pairs, gzipped rows", "pairs", "a.csv.gz", bytes_of(_zeros_gz(size, b"A,B\n", b"entity1,entity2\n")))
    put("sdf of one record", "table", "a.sdf.gz", bytes_of(_zeros_gz(size, b"0\n")))
    put(
        "sdf of many tags",
        "table",
        "a.sdf",
        lambda path: path.write_bytes(
            b"\n\n\n  0  0\nM  END\n" + b"".join(b"> <%d>\n1\n\n" % n for n in range(300_000)) + b"$$$$\n"
        ),
    )

    def parquet(column: pa.Array, name: str, **options: object) -> Callable[[Path], object]:
        return lambda path: pq.write_table(pa.table({name: column}), path, compression="zstd", **options)

    put("parquet, one cell", "table", "a.parquet", parquet(pa.array([b"\0" * size]), "smiles"))
    put("parquet, rows of zeros", "profiles", "a.parquet", parquet(pa.array(np.zeros(size // 8)), "f1"))
    put(
        "parquet, a long text repeated",
        "table",
        "a.parquet",
        parquet(pa.DictionaryArray.from_arrays(pa.array([0] * 2048, pa.int32()), ["C" * (size >> 8)]), "smiles"),
    )
    put("parquet of images", "plane", "a.parquet", parquet(pa.array([b"\0" * size]), "png"), "png|0")
    header = _npy_header(f"({side}, {side})")
    put("npy on the disk", "plane", "a.npy", lambda path: path.write_bytes(header + bytes(2 * side * side)))
    put(
        "npy that declares 1 TB",
        "plane",
        "a.npy",
        lambda path: path.write_bytes(_npy_header("(1000000, 500000)") + bytes(1000)),
    )
    put("npz", "plane", "a.npz", lambda path: _zip(path, "image.npy", header, 2 * side * side), "image")
    put(
        "npz with a long header",
        "plane",
        "a.npz",
        lambda path: _zip(path, "image.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", size), size),
        "image",
    )
    put(
        "npz that lies",
        "plane",
        "a.npz",
        lambda path: _zip(path, "image.npy", _npy_header("(10, 10)"), size, 1000),
        "image",
    )
    put(
        "npz, folder",
        "folder",
        "A01.npz",
        lambda path: _zip(path, "image.npy", _npy_header(f"(2, {side}, {side // 2})"), 2 * side * side),
    )
    put(
        "correction",
        "correction",
        "a.npz",
        lambda path: _zip(path, "method.npy", _npy_header(f"({size},)", "|u1"), size),
    )
    put(
        "DeepProfiler",
        "profiles",
        "P/A01_1.npz",
        lambda path: _zip(path, "features.npy", _npy_header(f"({size // 400}, 100)", "<f4"), size),
    )
    made["DeepProfiler"] = "profiles", made["DeepProfiler"][1].parent, ""
    zeros = np.zeros((side, side), np.uint16)
    put("tiff", "plane", "a.tif", lambda path: tifffile.imwrite(path, zeros, compression="zlib"))
    put("tiff with a strip that grows", "plane", "a.tif", lambda path: _lying_tiff(path, size))
    put("png", "plane", "a.png", lambda path: path.write_bytes(_png(side)))
    put(
        "png that declares 4 GB",
        "plane",
        "a.png",
        lambda path: path.write_bytes(_png(50)[:16] + struct.pack(">II", 46_000, 46_000) + _png(50)[24:]),
    )
    put(
        "jp2",
        "plane",
        "a.jp2",
        lambda path: path.write_bytes(_jp2(side)),
    )
    put(".pt, storage", "split", "a.pt", lambda path: _pt(path, size))
    put(".pt, program", "split", "a.pt", lambda path: _zip(path, "a/data.pkl", b"", size))
    put("zip archive", "archive", "a.zip", lambda path: _zip(path, "data.csv", b"", size))
    put(
        "safetensors header",
        "weights",
        "a.safetensors",
        lambda path: path.write_bytes(struct.pack("<Q", size // 2) + b" " * (size // 2)),
    )
    put("recipe of brackets", "recipe", "a.toml", lambda path: path.write_bytes(b"a = " + b"[" * 100_000))
    try:
        import h5py
    except ImportError:
        return made
    put("h5ad", "profiles", "a.h5ad", lambda path: _h5ad(h5py, path, size))
    return made


def _jp2(side: int) -> bytes:
    """A picture of 64 x 64 pixels whose codestream declares more."""
    import imagecodecs
    import numpy as np

    data = bytearray(imagecodecs.jpeg2k_encode(np.zeros((64, 64), np.uint16), level=0, reversible=True))
    start = data.find(b"\xff\x4f\xff\x51") + 8
    data[start : start + 8] = struct.pack(">II", side, side)
    return bytes(data)


def _lying_tiff(path: Path, size: int) -> None:
    """A plane of 16 x 16 pixels whose only strip unpacks to `size` bytes."""
    import tifffile

    packer = zlib.compressobj(9)
    strip = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()
    with tifffile.TiffWriter(path) as file:
        file.write(iter([strip]), shape=(16, 16), dtype="uint16", compression="zlib", rowsperstrip=16)


def _pt(path: Path, size: int) -> None:
    import torch

    torch.save({"train": torch.zeros(8, dtype=torch.int64)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(data)
                for _ in range((size >> 20) if "/data/" in name else 0):
                    file.write(bytes(1 << 20))


def _h5ad(h5py: object, path: Path, size: int) -> None:
    import anndata
    import numpy as np

    anndata.AnnData(X=np.ones((2, 2), np.float32)).write_h5ad(path)
    with h5py.File(path, "a") as file:  # type: ignore[attr-defined]
        kept = dict(file["X"].attrs)
        del file["X"]
        file.create_dataset(
            "X", shape=(size // 400, 100), dtype="f4", chunks=(1000, 100), compression="gzip", fillvalue=0
        )
        file["X"].attrs.update(kept)


def sound(folder: Path) -> dict[str, Path]:
    """A small sound file for each reader, for the memory that its process takes anyway."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    (folder / "t.csv").write_text("smiles,well,f1,entity1,entity2\nC,A01,1,A,B\n")
    np.save(folder / "p.npy", np.ones((4, 4), np.uint16))
    pq.write_table(pa.table({"f1": [1.0]}), folder / "t.parquet")
    return {reader: folder / ("p.npy" if reader in ("plane", "folder") else "t.csv") for reader in READERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="MB that a bomb would take")
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        idle = {reader: measured(reader, path)["peak_mb"] for reader, path in sound(Path(folder) / "sound").items()}
        worst = 0
        for name, (reader, path, key) in bombs(Path(folder), options.size << 20).items():
            if options.only and name not in options.only:
                continue
            row = measured(reader, path, key)
            size = path.stat().st_size if path.is_file() else sum(part.stat().st_size for part in path.iterdir())
            worst = max(worst, int(str(row["peak_mb"])) - int(str(idle[reader])))
            print(
                f"{name:<32} {size:>12,} B  idle {idle[reader]:>4}  peak {row['peak_mb']:>5} MB  {row['seconds']:>5} s  {row['said']}",
                flush=True,
            )
    print(json.dumps({"size_mb": options.size, "worst_above_idle_mb": worst}))


if __name__ == "__main__":
    main()
