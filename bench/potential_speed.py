"""Training speed of potentials, energies and forces: SchNet against PyTorch Geometric and SchNetPack, PaiNN against SchNetPack.

    python bench/potential_speed.py RESULTS.jsonl --peers PYTHON [--rounds 7] [--steps 10] [--only schnet]

PYTHON is the interpreter of an environment that has torch_geometric and schnetpack (`pip install torch-geometric schnetpack`); this file
is run by it too (`--worker`). Frames are those of 3BPA at 300 K (data set `bpa`), ten a batch, with the pairs within 5 Å given to every
network: the search is not timed. A step is energies, forces as their derivative, the loss 1 · energy + 10 · force, its gradient by all
weights, and Adam (fused), in fp32 on one thread. Networks have width 128 and three layers; numbers of parameters are recorded. Ours and
theirs take turns, the ratio of their CPU times is taken turn by turn, and its median and quartiles are written. The step of ours is that
of the task `energy_forces`, with its means over known labels and its offsets; the steps of the peers are the bare formulas.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, DEPTH, CUTOFF, FRAMES, BATCHES = 128, 3, 5.0, 10, 8
PAIRS = (("schnet", "pyg_schnet"), ("schnet", "schnetpack_schnet"), ("painn", "schnetpack_painn"))


def batches(path: Path) -> list[dict[str, np.ndarray]]:
    """Arrays of each batch."""
    with np.load(path) as file:
        return [
            {name.partition(" ")[2]: file[name] for name in file.files if name.startswith(f"{number} ")}
            for number in range(BATCHES)
        ]


def ours(name: str, path: Path) -> tuple[Any, Callable[[int], Any]]:
    """Network, and the loss of a batch."""
    from importlib import import_module

    import torch

    from hooke.atoms.batch import AtomsBatch, PairList
    from hooke.atoms.spec import ATOM, FRAME, AtomsSpec
    from hooke.core.label import Label
    from hooke.tasks.energy_forces import Config, Task

    labels = (
        Label("energy", FRAME, unit="eV", method="x"),
        Label("forces", ATOM, unit="eV/angstrom", width=3, method="x"),
    )
    spec, module = AtomsSpec(labels, elements=(1, 6, 7, 8)), import_module(f"hooke.models.{name}")
    task = Task(Config(), spec)
    config = module.Config(width=WIDTH, depth=DEPTH, cutoff=CUTOFF)
    network, made = task.network(module.Model(config, task.inputs(spec))), []
    for arrays in batches(path):
        own = {key: torch.from_numpy(value) for key, value in arrays.items()}
        count, half = len(own["offsets"]) - 1, len(own["first"])
        zeros = torch.zeros(count, dtype=torch.int64)
        made.append(
            AtomsBatch(
                own["numbers"], own["positions"], own["offsets"], own["frame"], zeros, zeros, torch.zeros(count, 3, 3),
                torch.zeros(count, 3, dtype=torch.bool), zeros, {FRAME: own["energies"].double()[:, None], ATOM: own["forces"]},
                PairList(own["first"][:half], own["second"][:half], None, CUTOFF),
            )
        )  # fmt: skip
    generator = torch.Generator()
    return network, lambda number: task.losses(network, made[number], 0, generator)["loss"]


def peer(name: str, path: Path) -> tuple[Any, Callable[[int], Any]]:
    """Network, and the loss of a batch."""
    import typing

    import torch
    import torch.utils.data.dataloader as dataloader

    dataloader.T_co = typing.TypeVar(
        "T_co", covariant=True
    )  # schnetpack takes it from there, and newer versions of torch lack it
    made = []
    for arrays in batches(path):
        own = {key: torch.from_numpy(value) for key, value in arrays.items()}
        own["i"], own["j"] = torch.cat([own["first"], own["second"]]), torch.cat([own["second"], own["first"]])
        order = torch.argsort(own["i"], stable=True)  # as their own lists come
        own["i"], own["j"] = own["i"][order], own["j"][order]
        made.append(own)
    current: dict[str, Any] = {}

    if name == "pyg_schnet":
        from torch_geometric.nn.models import SchNet

        def graph(positions: Any, _: Any) -> tuple[Any, Any]:
            edges = torch.stack([current["j"], current["i"]])
            return edges, (positions[edges[0]] - positions[edges[1]]).norm(dim=-1)

        network: Any = SchNet(WIDTH, WIDTH, DEPTH, 50, CUTOFF, interaction_graph=graph)

        def energies(own: dict[str, Any], positions: Any) -> Any:
            current.update(own)
            return network(own["numbers"], positions, own["frame"])[:, 0]

    else:
        import schnetpack as spk
        from schnetpack import properties

        gaussians = name == "schnetpack_schnet"
        radial = spk.nn.GaussianRBF(50, CUTOFF) if gaussians else spk.nn.BesselRBF(20, CUTOFF)
        kind = spk.representation.SchNet if gaussians else spk.representation.PaiNN
        activation = {"activation": spk.nn.shifted_softplus} if gaussians else {}
        network = torch.nn.ModuleDict(
            {
                "representation": kind(WIDTH, DEPTH, radial, cutoff_fn=spk.nn.CosineCutoff(CUTOFF)),
                "output": spk.atomistic.Atomwise(WIDTH, output_key="energy", **activation),
            }
        )

        def energies(own: dict[str, Any], positions: Any) -> Any:
            inputs = {
                properties.Z: own["numbers"], properties.R: positions, properties.idx_i: own["i"], properties.idx_j: own["j"],
                properties.idx_m: own["frame"], properties.n_atoms: own["offsets"].diff(),
                properties.Rij: positions[own["j"]] - positions[own["i"]],
            }  # fmt: skip
            return network["output"](network["representation"](inputs))["energy"]

    def loss(number: int) -> Any:
        own = made[number]
        positions = own["positions"].clone().requires_grad_()
        energy = energies(own, positions)
        [slope] = torch.autograd.grad(energy.sum(), positions, create_graph=True)
        off = (energy - own["energies"]) / own["offsets"].diff()
        return off.square().mean() + 10 * (slope + own["forces"]).square().mean()

    return network, loss


def work(name: str, path: Path) -> None:
    """Obey "N" on stdin: N steps, then a line with their CPU seconds."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, loss = (peer if "_" in name else ours)(name, path)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    print(sum(parameter.numel() for parameter in network.parameters()), flush=True)
    place = 0
    for line in sys.stdin:
        start = time.process_time()
        for _ in range(int(line)):
            value = loss(place % BATCHES)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            place += 1
        print(time.process_time() - start, float(value.detach()), flush=True)


def write_batches(path: Path) -> int:
    """3BPA's frames with their pairs; gives the number of directed edges in a batch."""
    from hooke.atoms.isolated_atoms import ReferenceEnergies
    from hooke.atoms.neighbours import neighbour_pairs
    from hooke.core import registry
    from hooke.core.how import QUIET

    module = registry.module("datasets", "bpa")
    with tempfile.TemporaryDirectory() as folder:
        store = (
            module.Dataset(module.Config(parts="train_300K")).prepare(Path(folder), QUIET).in_units("eV", "angstrom")
        )
        frames, table = store.gather(np.arange(FRAMES * BATCHES)), store.e0
        assert isinstance(table, ReferenceEnergies)
    elements = np.unique(frames.numbers)
    e0 = np.array([table.energy(int(number), store.methods[0]) for number in elements])
    left = frames.energies[:, 0] - frames.composition(elements) @ e0
    arrays, edges = {}, 0
    for number in range(BATCHES):
        rows = np.arange(number * FRAMES, (number + 1) * FRAMES)
        some = frames.select(rows)
        found = [
            low + neighbour_pairs(some.positions[low:high], CUTOFF)[0]
            for low, high in zip(some.offsets, some.offsets[1:], strict=False)
        ]
        pairs = np.concatenate(found)
        edges += 2 * len(pairs)
        values = {
            "numbers": some.numbers.astype(np.int64), "positions": some.positions.astype(np.float32), "offsets": some.offsets,
            "frame": some.frame_of_atom, "energies": (left[rows] - left.mean()).astype(np.float32),
            "forces": some.forces[..., 0].astype(np.float32), "first": pairs[:, 0].astype(np.int64), "second": pairs[:, 1].astype(np.int64),
        }  # fmt: skip
        arrays |= {f"{number} {name}": np.ascontiguousarray(value) for name, value in values.items()}
    np.savez(path, **arrays)
    return edges // BATCHES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--peers", default="", help="Python of the peers' environment")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--only", default="", help="schnet or painn")
    parser.add_argument("--worker", default="")
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.results)
        return
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batches.npz"
        edges = write_batches(path)
        for own, other in PAIRS:
            if options.only and own != options.only:
                continue
            commands = [
                [sys.executable, __file__, str(path), "--worker", own],
                [options.peers, __file__, str(path), "--worker", other],
            ]
            processes = [
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                for command in commands
            ]
            sizes = [int(process.stdout.readline()) for process in processes]

            def turn(process: Any, steps: int) -> float:
                process.stdin.write(f"{steps}\n")
                process.stdin.flush()
                return float(process.stdout.readline().split()[0])

            for process in processes:
                turn(process, 3)
            times = [[turn(process, options.steps) for process in processes] for _ in range(options.rounds)]
            for process in processes:
                process.stdin.close()
                process.wait()
            ratios = sorted(theirs / here for here, theirs in times)
            quartiles = statistics.quantiles(ratios, n=4)
            frames = [FRAMES * options.steps / statistics.median(column) for column in zip(*times, strict=True)]
            row = {
                "ours": own, "peer": other, "ratio": round(statistics.median(ratios), 3),
                "quartiles": [round(quartiles[0], 3), round(quartiles[2], 3)],
                "frames_per_cpu_second": [round(value, 1) for value in frames], "parameters": sizes, "edges_a_batch": edges,
                "rounds": options.rounds, "steps": options.steps, "torch": torch.__version__,
            }  # fmt: skip
            print(json.dumps(row), flush=True)
            with open(options.results, "a") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
