"""Training speed beside the peers: D-MPNN against chemprop, GINE against PyTorch Geometric, paired in one run.

    python bench/training_speed.py TABLE.csv RESULTS.jsonl [--chemprop PYTHON] [--pyg PYTHON] [--threads 2] [--rounds 7]

TABLE has a SMILES column and a numeric target (options --smiles and --target). CHEMPROP and PYG are the Python
interpreters of the peers' own environments; this file is run by them too (`--worker`). Each system lives in its own
process and trains in turns of a few batches, ours and theirs alternating, so that whatever else the machine does falls on
both; the ratio is taken turn by turn. Everything is end to end in fp32: ours reads from the store through the training
loader; chemprop reads its cached graphs through its own loader; PyG collates `Data` objects that are in memory.

Both D-MPNNs have width 300, depth 3, one hidden layer in the head, chemprop's default pooling and no dropout. Both GINEs
have 4 layers of width 128 with a two-layer MLP, layer normalisation, residuals and mean pooling. Adam variants are fused
where the peer's own training script would leave the default (chemprop: torch.optim.Adam).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WIDTH, DEPTH = {"dmpnn": 300, "gine": 128}, {"dmpnn": 3, "gine": 4}
STAGES = ("load", "forward", "backward", "optimiser")


def train(batches: Iterator[Any], forward: Callable[[Any], Any], optimiser: Any, count: Callable[[Any], int]) -> None:
    """Obey "run N" on stdin: N training steps, then one JSON line with graphs, wall and CPU time and stages."""
    print("ready", flush=True)
    for line in sys.stdin:
        steps = int(line.split()[1])
        stages = dict.fromkeys(STAGES, 0.0)
        graphs, processor = 0, time.process_time()
        start = last = time.perf_counter()

        def lap(stage: str, stages: dict[str, float] = stages) -> None:
            nonlocal last
            now = time.perf_counter()
            stages[stage] += now - last
            last = now

        for _ in range(steps):
            batch = next(batches)
            lap("load")
            loss = forward(batch)
            lap("forward")
            optimiser.zero_grad()
            loss.backward()
            lap("backward")
            optimiser.step()
            lap("optimiser")
            graphs += count(batch)
        report = {
            "graphs": graphs,
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - processor,
            "stages": stages,
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        print(json.dumps(report), flush=True)


def forever(epochs: Callable[[int], Iterator[Any]]) -> Iterator[Any]:
    number = 0
    while True:
        yield from epochs(number)
        number += 1


def hooke_worker(kind: str, folder: Path, batch_size: int) -> tuple[dict[str, Any], tuple[Any, ...]]:
    import numpy as np
    import torch

    import hooke
    from hooke.core import registry
    from hooke.core.loader import RowLoader
    from hooke.core.recipe import TrainSection
    from hooke.molecules.batch import collate
    from hooke.molecules.spec import MoleculeSpec
    from hooke.molecules.statistics import label_statistics
    from hooke.molecules.store import MoleculeStore
    from hooke.train.optimiser import make_optimiser

    store = MoleculeStore.open(folder)
    rows = np.arange(len(store))
    model, task_module = registry.module("models", kind), registry.module("tasks", "multitask")
    spec = MoleculeSpec(store.labels, encodings=store.encodings, statistics=label_statistics(store, rows))
    task = task_module.Task(task_module.Config(), spec)
    torch.manual_seed(0)
    network = task.network(model.Model(model.Config(width=WIDTH[kind], depth=DEPTH[kind]), spec)).train()
    optimiser = make_optimiser(network, TrainSection(learning_rate=1e-4))
    loader = RowLoader(
        lambda chosen: collate(store.read(chosen)),
        rows,
        batch_size,
        seed=0,
        sizes=store.store.axis_counts("atom", rows),
    )
    generator = torch.Generator().manual_seed(0)
    info = {
        "version": f"hooke {hooke.__version__}, torch {torch.__version__}",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    return info, (
        forever(loader.epoch),
        lambda batch: task.losses(network, batch, 0, generator)["loss"],
        optimiser,
        lambda batch: batch.num_graphs,
    )


def chemprop_worker(kind: str, folder: Path, batch_size: int) -> tuple[dict[str, Any], tuple[Any, ...]]:
    import warnings

    warnings.filterwarnings("ignore")
    import chemprop
    import numpy as np
    import torch
    from chemprop import data, featurizers, models, nn

    lines = (folder / "molecules.smi").read_text().splitlines()
    targets = np.load(folder / "targets.npy")
    points = [data.MoleculeDatapoint.from_smi(smi, [float(y)]) for smi, y in zip(lines, targets, strict=True)]
    dataset = data.MoleculeDataset(points, featurizers.SimpleMoleculeMolGraphFeaturizer())
    dataset.normalize_targets()
    dataset.cache = True
    loader = data.build_dataloader(dataset, batch_size=batch_size, num_workers=0, seed=0)
    torch.manual_seed(0)
    model = models.MPNN(nn.BondMessagePassing(), nn.NormAggregation(), nn.RegressionFFN(), batch_norm=False).train()

    def forward(batch: Any) -> Any:
        graphs, atoms, extra, y, weights, below, above = batch
        prediction = model.predictor.train_step(model.fingerprint(graphs, atoms, extra))
        return model.criterion(prediction, y.nan_to_num(nan=0.0), y.isfinite(), weights, below, above)

    info = {
        "version": f"chemprop {chemprop.__version__}, torch {torch.__version__}",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    batches = forever(lambda _: iter(loader))
    return info, (batches, forward, torch.optim.Adam(model.parameters(), 1e-4), lambda batch: len(batch[0]))


def pyg_worker(kind: str, folder: Path, batch_size: int) -> tuple[dict[str, Any], tuple[Any, ...]]:
    import numpy as np
    import torch
    import torch_geometric
    from torch_geometric.data import Data
    from torch_geometric.loader import DataLoader
    from torch_geometric.nn import GINEConv, global_mean_pool

    arrays = np.load(folder / "arrays.npz")
    targets = np.load(folder / "targets.npy")
    targets = (targets - targets.mean()) / targets.std()
    atoms, bonds = arrays["atom_offsets"], arrays["bond_offsets"]
    graphs = []
    for i, target in enumerate(targets):
        ends = torch.from_numpy(arrays["bond_atoms"][bonds[i] : bonds[i + 1]].astype(np.int64)).T
        codes = torch.from_numpy(arrays["bond_codes"][bonds[i] : bonds[i + 1]].astype(np.int64))
        graphs.append(
            Data(
                x=torch.from_numpy(arrays["atom_codes"][atoms[i] : atoms[i + 1]].astype(np.int64)),
                edge_index=torch.cat([ends, ends.flip(0)], dim=1),
                edge_attr=torch.cat([codes, codes]),
                y=torch.tensor([[target]], dtype=torch.float32),
            )
        )
    sizes = {name: arrays[f"{name}_sizes"].tolist() for name in ("atom", "bond")}

    class Embedding(torch.nn.Module):
        def __init__(self, sizes: list[int], width: int) -> None:
            super().__init__()
            self.tables = torch.nn.ModuleList([torch.nn.Embedding(size, width) for size in sizes])

        def forward(self, codes: Any) -> Any:
            return sum(table(codes[:, column]) for column, table in enumerate(self.tables))

    class Network(torch.nn.Module):
        def __init__(self, width: int, depth: int) -> None:
            super().__init__()
            linear = torch.nn.Linear
            self.atoms = torch.nn.Sequential(Embedding(sizes["atom"], 64), linear(64, width))
            self.bonds = torch.nn.Sequential(Embedding(sizes["bond"], 64), linear(64, 64))
            self.layers = torch.nn.ModuleList(
                GINEConv(
                    torch.nn.Sequential(linear(width, width), torch.nn.ReLU(), linear(width, width)),
                    train_eps=True,
                    edge_dim=64,
                )
                for _ in range(depth)
            )
            self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(width) for _ in range(depth))
            self.head = torch.nn.Sequential(linear(width, width), torch.nn.ReLU(), linear(width, 1))

        def forward(self, batch: Any) -> Any:
            x, e = self.atoms(batch.x), self.bonds(batch.edge_attr)
            for layer, norm in zip(self.layers, self.norms, strict=True):
                x = x + norm(layer(x, batch.edge_index, e)).relu()
            return self.head(global_mean_pool(x, batch.batch, batch.num_graphs))

    torch.manual_seed(0)
    network = Network(WIDTH[kind], DEPTH[kind]).train()
    loader = DataLoader(graphs, batch_size=batch_size, shuffle=True)
    info = {
        "version": f"torch_geometric {torch_geometric.__version__}, torch {torch.__version__}",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    return info, (
        forever(lambda _: iter(loader)),
        lambda batch: torch.nn.functional.mse_loss(network(batch), batch.y),
        torch.optim.AdamW(network.parameters(), 1e-4, fused=True),
        lambda batch: batch.num_graphs,
    )


WORKERS = {"hooke": hooke_worker, "chemprop": chemprop_worker, "pyg": pyg_worker}


class Worker:
    """One system in its own process, idle between turns."""

    def __init__(self, python: str, system: str, kind: str, folder: Path, batch_size: int, threads: int) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        command = [python, __file__, "--worker", system, kind, str(folder), str(batch_size)]
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.info = json.loads(self._line())
        self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).startswith(("{", "ready")):
            if not line:
                sys.exit(f"a worker ended: {self.process.args}")
        return line

    def turn(self, steps: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"run {steps}\n")
        self.process.stdin.flush()
        return json.loads(self._line())

    def close(self) -> None:
        self.process.communicate()


def compare(
    kind: str, peer: str, pythons: dict[str, str], folder: Path, batch_size: int, options: argparse.Namespace
) -> dict[str, Any]:
    store = folder / "store"
    workers = {
        "hooke": Worker(sys.executable, "hooke", kind, store, batch_size, options.threads),
        peer: Worker(pythons[peer], peer, kind, folder, batch_size, options.threads),
    }
    steps = max(2, options.graphs // batch_size)
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for number in range(options.rounds + 1):
        for name in list(workers) if number % 2 else list(reversed(workers)):
            turn = workers[name].turn(steps)
            if number:  # the first turn warms up
                turns[name].append(turn)
    for worker in workers.values():
        worker.close()
    line: dict[str, Any] = {
        "model": kind, "peer": peer, "batch_size": batch_size, "threads": options.threads, "rounds": options.rounds,
        "steps_a_turn": steps, "processor": platform.processor() or platform.machine(),
    }  # fmt: skip
    for basis in ("seconds", "cpu_seconds"):
        speeds = {name: [turn["graphs"] / turn[basis] for turn in found] for name, found in turns.items()}
        ratios = [ours / theirs for ours, theirs in zip(speeds["hooke"], speeds[peer], strict=True)]
        suffix = "" if basis == "seconds" else "_by_cpu_time"
        line[f"ratio{suffix}"] = round(statistics.median(ratios), 2)
        line[f"ratio_range{suffix}"] = [round(min(ratios), 2), round(max(ratios), 2)]
        for name, values in speeds.items():
            line[f"{name}_graphs_per_second{suffix}"] = round(statistics.median(values))
    for name, found in turns.items():
        batches = steps * len(found)
        line[f"{name}_stages_ms"] = {
            stage: round(1000 * sum(turn["stages"][stage] for turn in found) / batches, 2) for stage in STAGES
        }
        line[f"{name}_peak_mb"] = found[-1]["peak_mb"]
        line[f"{name}_info"] = workers[name].info
    return line


def prepare(options: argparse.Namespace, folder: Path) -> None:
    """The store for ours, and the same molecules as lines and arrays for the peers."""
    import numpy as np
    import polars as pl

    from hooke.core.label import Label
    from hooke.molecules.blocks import GraphLabels, MoleculeBlock
    from hooke.molecules.encodings.config import EncodingConfig
    from hooke.molecules.featurise import featurise
    from hooke.molecules.parse import ParseError, parse
    from hooke.molecules.store import MoleculeStoreWriter
    from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES

    table = pl.read_csv(options.table).select(options.smiles, options.target).drop_nulls().head(options.molecules)
    molecules, smiles, targets = [], [], []
    for text, target in table.iter_rows():
        try:
            molecule = parse(text)
        except ParseError:
            continue
        if molecule.GetNumBonds():
            molecules.append(molecule)
            smiles.append(text)
            targets.append(float(target))
    arrays, values, count = featurise(molecules), np.array(targets, np.float32), len(smiles)
    writer = MoleculeStoreWriter(folder / "store", [Label(options.target)], EncodingConfig())
    labels = GraphLabels.from_dense(values[:, None])
    writer.append(MoleculeBlock(arrays, smiles, labels, np.arange(1, count + 1), np.full(count, 255, np.uint8)))
    writer.close()
    (folder / "molecules.smi").write_text("\n".join(smiles) + "\n")
    np.save(folder / "targets.npy", values)
    np.savez(
        folder / "arrays.npz",
        atom_offsets=arrays.atom_offsets,
        bond_offsets=arrays.bond_offsets,
        atom_codes=arrays.atom_codes,
        bond_atoms=arrays.bond_atoms,
        bond_codes=arrays.bond_codes,
        atom_sizes=np.array([vocabulary.size for vocabulary in ATOM_VOCABULARIES]),
        bond_sizes=np.array([vocabulary.size for vocabulary in BOND_VOCABULARIES]),
    )
    print(f"{count} molecules, {len(arrays.atom_codes) / count:.1f} atoms each", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--chemprop", help="python of chemprop's environment")
    parser.add_argument("--pyg", help="python of PyTorch Geometric's environment")
    parser.add_argument("--smiles", default="smiles")
    parser.add_argument("--target", default="lipo")
    parser.add_argument("--molecules", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--graphs", type=int, default=1280, help="molecules of one turn")
    options = parser.parse_args()
    pythons = {"chemprop": options.chemprop, "pyg": options.pyg}
    settings = [("dmpnn", "chemprop", 64), ("dmpnn", "chemprop", 256), ("gine", "pyg", 256)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(options, folder)
        for kind, peer, batch_size in settings:
            if not pythons[peer]:
                print(f"{kind}: no python for {peer} given, skipped", flush=True)
                continue
            line = compare(kind, peer, pythons, folder, batch_size, options)
            options.results.parent.mkdir(parents=True, exist_ok=True)
            with open(options.results, "a") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line, indent=1), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--worker":
        system, kind, folder, batch_size = sys.argv[2:]
        information, arguments = WORKERS[system](kind, Path(folder), int(batch_size))
        print(json.dumps(information), flush=True)
        train(*arguments)
    else:
        main()
