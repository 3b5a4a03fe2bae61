"""The data plane: cost of preparing molecules beside RDKit's parsing, reading batches beside PyTorch Geometric, size, memory.

    python bench/data_plane.py MIRROR RESULTS.jsonl [--pyg PYTHON] [--molecules 20000] [--rounds 3] [--large 10000000]

MIRROR is the folder of data files (`HOOKE_MIRROR`); half of the molecules are from its ZINC file, half from its ChEMBL file.
PYG is the Python interpreter of PyTorch Geometric's own environment; this file is run by it too (`--worker pyg`). One
thread everywhere.

Preparing: each part of 1,000 molecules is parsed by RDKit alone (a bare loop of `MolFromSmiles`), parsed + featurised +
written to a store, and the same with Laplacian encodings (8), one after the other in changing order; the ratio is that of
the sums over all parts, the cost of finishing the store included. Standardisation, canonical SMILES and
the whole of `ingest` (which needs them to find duplicates) are timed apart.
Reading: random batches of 256, ours `read` + `collate`, theirs `Batch.from_data_list` on `Data` objects in memory that hold
the same integers; two processes in turns.
Large store: the molecules repeated by the ordinary writer. A fresh process opens it and reads 1,000 random batches.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

PART, BATCH, TURN = 1000, 256, 20
ZINC, CHEMBL = "zinc/zinc250k_jtvae_valid.smi.gz", "molecules/deepchem_chembl_5thresh.csv.gz"


def real_molecules(mirror: Path, count: int) -> list[str]:
    """SMILES that parse, half ZINC and half ChEMBL, mixed."""
    from rdkit import Chem, RDLogger

    RDLogger.DisableLog("rdApp.*")
    found = []
    for name, half in ((ZINC, count // 2), (CHEMBL, count - count // 2)):
        with gzip.open(mirror / name, "rt") as file:
            lines = [line.split(",")[0].split()[0] for line in file if not line.startswith("smiles")]
        random.Random(0).shuffle(lines)
        parsed = (line for line in lines if Chem.MolFromSmiles(line) is not None)
        found += [line for line, _ in zip(parsed, range(half), strict=False)]
    random.Random(1).shuffle(found)
    if len(found) < count:
        sys.exit(f"the files hold {len(found)} molecules, not {count}")
    return found


class Preparing:
    """Parse, featurise and store parts of molecules."""

    def __init__(self, folder: Path, laplacian: int) -> None:
        from hooke.molecules.encodings.config import EncodingConfig
        from hooke.molecules.store import MoleculeStoreWriter

        self.encodings = EncodingConfig(laplacian=laplacian)
        self.writer = MoleculeStoreWriter(folder, (), self.encodings)
        self.rows = 0

    def part(self, smiles: list[str]) -> None:
        self.writer.append(self.block(smiles))

    def block(self, smiles: list[str]) -> Any:
        import numpy as np

        from hooke.molecules.blocks import NO_SPLIT, GraphLabels, MoleculeBlock
        from hooke.molecules.encodings.config import add_encodings
        from hooke.molecules.featurise import featurise
        from hooke.molecules.parse import parse

        arrays = add_encodings(featurise([parse(text) for text in smiles]), self.encodings)
        count = len(smiles)
        labels = GraphLabels.from_dense(np.zeros((count, 0)))
        self.rows += count
        rows = np.arange(self.rows - count + 1, self.rows + 1)
        return MoleculeBlock(arrays, smiles, labels, rows, np.full(count, NO_SPLIT, np.uint8))


def parse_alone(smiles: list[str]) -> None:
    from rdkit import Chem

    for text in smiles:
        Chem.MolFromSmiles(text)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def measure_preparing(smiles: list[str], folder: Path, rounds: int) -> dict[str, Any]:
    for warm in (0, 8):
        Preparing(folder / f"warm{warm}", warm).part(smiles[:PART])
    parts = [smiles[start : start + PART] for start in range(0, len(smiles), PART)]
    ratios: dict[str, list[float]] = {"store": [], "laplacian": [], "store_cpu": [], "laplacian_cpu": []}
    parse_us, bytes_a_molecule = [], {}
    for number in range(rounds):
        ours = {
            "store": Preparing(folder / f"plain{number}", 0),
            "laplacian": Preparing(folder / f"laplacian{number}", 8),
        }
        seconds = {name: [0.0, 0.0] for name in ("parse", *ours)}
        for place, part in enumerate(parts):
            tasks = [("parse", lambda part=part: parse_alone(part))]
            tasks += [(name, lambda part=part, own=own: own.part(part)) for name, own in ours.items()]
            turn = (place + number) % len(tasks)
            for name, work in tasks[turn:] + tasks[:turn]:
                wall, processor = timed(work)
                seconds[name][0] += wall
                seconds[name][1] += processor
        for name, own in ours.items():
            wall, processor = timed(own.writer.close)
            seconds[name][0] += wall
            seconds[name][1] += processor
            ratios[name].append(seconds[name][0] / seconds["parse"][0])
            ratios[f"{name}_cpu"].append(seconds[name][1] / seconds["parse"][1])
            stored = sum(path.stat().st_size for path in own.writer._writer.folder.rglob("*") if path.is_file())
            bytes_a_molecule[name] = round(stored / len(smiles))
        parse_us.append(1e6 * seconds["parse"][1] / len(smiles))
    line: dict[str, Any] = {
        "molecules": len(smiles),
        "rounds": rounds,
        "parse_us": round(statistics.median(parse_us), 1),
    }
    for name, values in ratios.items():
        line[f"{name}_to_parse"] = round(statistics.median(values), 2)
        line[f"{name}_to_parse_range"] = [round(min(values), 2), round(max(values), 2)]
    return {**line, "bytes_a_molecule": bytes_a_molecule}


def measure_apart(smiles: list[str], folder: Path) -> dict[str, Any]:
    """CPU time to parse alone, of what comes on top only when asked for, and of the whole ingest of a CSV file."""
    from hooke.core.how import QUIET
    from hooke.molecules.parse import StandardiseConfig, canonical_smiles, parse, standardise
    from hooke.molecules.tables.description import Table
    from hooke.molecules.tables.ingest import ingest

    few = smiles[:4000]
    molecules = [parse(text) for text in few]
    everything = StandardiseConfig(salts="largest", charges="neutralise", isotopes="drop")
    _, base = timed(lambda: parse_alone(few))
    _, canonical = timed(lambda: [canonical_smiles(molecule) for molecule in molecules])
    _, standardised = timed(lambda: [standardise(molecule, everything) for molecule in molecules])
    table = folder / "molecules.csv"
    table.write_text("smiles,y\n" + "".join(f"{text},{len(text)}\n" for text in few))
    whole_table = Table(duplicates="keep_all", paths=(table,))
    _, whole = timed(lambda: ingest([whole_table], folder / "ingested", QUIET))
    found = {"canonical_smiles": canonical, "standardise": standardised, "whole_ingest": whole}
    return {f"{name}_to_parse_cpu": round(seconds / base, 2) for name, seconds in found.items()}


def hooke_worker(folder: Path) -> Callable[[], int]:
    import numpy as np
    import torch

    from hooke.molecules.batch import collate
    from hooke.molecules.store import MoleculeStore

    torch.set_num_threads(1)
    store = MoleculeStore.open(folder / "plain0")
    generator = np.random.default_rng(0)
    return lambda: collate(store.read(generator.choice(len(store), BATCH, replace=False))).num_nodes


def pyg_worker(folder: Path) -> Callable[[], int]:
    import numpy as np
    import torch
    from torch_geometric.data import Batch, Data

    torch.set_num_threads(1)
    arrays = np.load(folder / "arrays.npz")
    atoms, bonds = arrays["atom_offsets"], arrays["bond_offsets"]
    graphs = []
    for i in range(len(atoms) - 1):
        ends = torch.from_numpy(arrays["bond_atoms"][bonds[i] : bonds[i + 1]].astype(np.int64)).T
        codes = torch.from_numpy(arrays["bond_codes"][bonds[i] : bonds[i + 1]].astype(np.int64))
        x = torch.from_numpy(arrays["atom_codes"][atoms[i] : atoms[i + 1]].astype(np.int64))
        edges = torch.cat([ends, ends.flip(0)], dim=1)
        graphs.append(Data(x=x, edge_index=edges, edge_attr=torch.cat([codes, codes])))
    generator = np.random.default_rng(0)
    return lambda: (
        Batch.from_data_list([graphs[i] for i in generator.choice(len(graphs), BATCH, replace=False)]).num_nodes
    )


def serve(read: Callable[[], int]) -> None:
    """One line on stdin, one turn of batches, one line with the median and the mean seconds of a batch.

    A large block is freed first, as in any process that trains: the C library then keeps freed memory instead of giving
    it back after each batch, which would cost either system a page fault for every 4 KiB.
    """
    bytearray(1 << 25)
    for _ in range(5):
        read()
    print("ready", flush=True)
    for _ in sys.stdin:
        seconds = [timed(read)[0] for _ in range(TURN)]
        print(json.dumps([statistics.median(seconds), statistics.fmean(seconds)]), flush=True)


class Worker:
    def __init__(self, python: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [python, __file__, "--worker", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.line()

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a worker ended: {self.process.args}")
        return line

    def turn(self) -> list[float]:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return json.loads(self.line())


def measure_reading(folder: Path, python: str) -> dict[str, Any]:
    import numpy as np

    from hooke.molecules.store import MoleculeStore

    store = MoleculeStore.open(folder / "plain0")
    arrays = store.arrays(np.arange(len(store)))
    names = ("atom_offsets", "bond_offsets", "atom_codes", "bond_atoms", "bond_codes")
    np.savez(folder / "arrays.npz", **{name: getattr(arrays, name) for name in names})
    workers = {"hooke": Worker(sys.executable, "hooke", str(folder)), "pyg": Worker(python, "pyg", str(folder))}
    turns: dict[str, list[list[float]]] = {name: [] for name in workers}
    for number in range(20):
        for name in list(workers) if number % 2 else list(reversed(workers)):
            turns[name].append(workers[name].turn())
    for worker in workers.values():
        worker.process.communicate()
    ratios = [theirs[0] / ours[0] for ours, theirs in zip(turns["hooke"], turns["pyg"], strict=True)]
    medians = {name: round(1000 * statistics.median(turn[0] for turn in found), 3) for name, found in turns.items()}
    return {
        "batch": BATCH,
        "read_and_collate_ms": medians["hooke"],
        "pyg_from_data_list_ms": medians["pyg"],
        "times_faster": round(statistics.median(ratios), 1),
        "times_faster_range": [round(min(ratios), 1), round(max(ratios), 1)],
    }


def memory_mb() -> dict[str, float]:
    """Resident and anonymous memory of this process."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    return {name: int(fields[key].split()[0]) / 1024 for name, key in (("resident", "Rss"), ("anonymous", "Anonymous"))}


def large_worker(folder: Path) -> None:
    import numpy as np
    import torch

    from hooke.molecules.batch import collate
    from hooke.molecules.store import MoleculeStore

    torch.set_num_threads(1)
    small = MoleculeStore.open(folder / "plain0")
    for _ in range(3):  # so that code and caches that any reading needs are there already
        collate(small.read(np.arange(0, len(small), max(1, len(small) // BATCH))))
    before = memory_mb()
    opening, _ = timed(lambda: MoleculeStore.open(folder / "large"))
    store = MoleculeStore.open(folder / "large")
    opened = memory_mb()
    generator = np.random.default_rng(0)
    seconds = [timed(lambda: collate(store.read(generator.integers(0, len(store), BATCH))))[0] for _ in range(1000)]
    after = memory_mb()
    line: dict[str, Any] = {"molecules": len(store), "open_ms": round(1000 * opening, 1)}
    for name in ("resident", "anonymous"):
        line[f"{name}_mb_added_by_opening"] = round(opened[name] - before[name], 1)
        line[f"{name}_mb_added_after_1000_batches"] = round(after[name] - before[name], 1)
    line["read_and_collate_ms"] = round(1000 * statistics.median(seconds), 3)
    print(json.dumps(line))


def measure_large(smiles: list[str], folder: Path, rows: int) -> dict[str, Any]:
    import numpy as np

    from hooke.molecules.blocks import take

    preparing = Preparing(folder / "large", 0)
    block = preparing.block(smiles)

    def write() -> None:
        written = 0
        while written < rows:
            count = min(len(smiles), rows - written)
            preparing.writer.append(block if count == len(smiles) else take(block, np.arange(count)))
            written += count
        preparing.writer.close()

    seconds, _ = timed(write)
    stored = sum(path.stat().st_size for path in (folder / "large").rglob("*") if path.is_file())
    command = [sys.executable, __file__, "--worker", "large", str(folder)]
    line = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {**line, "write_s": round(seconds, 1), "bytes_a_molecule": round(stored / rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirror", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--pyg", help="Python of an environment with torch_geometric")
    parser.add_argument("--molecules", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=0, help="molecules of the large store; 0 leaves it out")
    options = parser.parse_args()
    import rdkit

    import hooke

    smiles = real_molecules(options.mirror, options.molecules)
    line: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "hooke": hooke.__version__,
        "rdkit": rdkit.__version__,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line["preparing"] = {**measure_preparing(smiles, folder, options.rounds), **measure_apart(smiles, folder)}
        if options.pyg:
            line["reading"] = measure_reading(folder, options.pyg)
        if options.large:
            line["large"] = measure_large(smiles, folder, options.large)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    with open(options.results, "a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        kind, path = sys.argv[2], Path(sys.argv[3])
        if kind == "large":
            large_worker(path)
        else:
            serve({"hooke": hooke_worker, "pyg": pyg_worker}[kind](path))
    else:
        main()
