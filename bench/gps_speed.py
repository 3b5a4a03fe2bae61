"""GPS layers, forward and backward, against PyTorch Geometric's GPSConv of the same widths, weights and outputs.

    python bench/gps_speed.py RESULTS.jsonl --pyg PYTHON [--rounds 15] [--molecules 128] [--width 96] [--heads 4] [--depth 4]

PYG is the Python of an environment with torch and torch_geometric; this file is run by it (`--worker`). Both processes hold the
same batch of pocketmix and the same weights; the first check is that the outputs agree to 1e-4. They then take turns, a few
passes each, so that whatever else the machine does falls on both; the ratio is taken turn by turn, of CPU time, one thread.
A pass is `depth` layers (of the small preset by default) and, on our side, everything that is computed once a batch for all of
them: edges, blocks, places. Times are given per layer. GPS++'s own layers of the same width are timed beside them.
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
import torch

EDGE_WIDTH, PASSES = 64, 4


def answer(run: Callable[[], Any]) -> None:
    """Obey "go" on stdin: some passes, then their CPU time in milliseconds for one."""
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        for _ in range(PASSES):
            run()
        print(json.dumps(1000 * (time.process_time() - start) / PASSES), flush=True)


def worker(folder: Path) -> None:
    """PyTorch Geometric's side."""
    from torch_geometric.nn import GINEConv, GPSConv

    given = np.load(folder / "given.npz")
    data = {name: torch.from_numpy(given[name]) for name in given.files}
    width, heads = data["nodes"].shape[1], int(data["heads"])
    layers = torch.nn.ModuleList()
    for _ in range(int(data["depth"])):
        inner = torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, width))
        conv = GINEConv(inner, edge_dim=EDGE_WIDTH)
        layers.append(GPSConv(width, conv, heads=heads, norm="layer_norm", norm_kwargs={"mode": "node"}))
    state = {name.removeprefix("w."): value for name, value in data.items() if name.startswith("w.")}
    missing = layers.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys, missing
    assert all("eps" in key for key in missing.missing_keys), missing
    nodes = data["nodes"].requires_grad_()

    def run() -> torch.Tensor:
        found = nodes
        for layer in layers:
            found = layer(found, data["edge_index"], data["graph"], edge_attr=data["bonds"])
        found.square().sum().backward()
        return found

    np.save(folder / "theirs.npy", run().detach().numpy())
    answer(run)


def their(layer: Any) -> dict[str, np.ndarray]:
    """The weights of a layer of ours by the names of theirs."""
    names = {
        "conv.nn.0": layer.update[0], "conv.nn.2": layer.update[2], "conv.lin": layer.edge, "mlp.0": layer.mix[0],
        "mlp.3": layer.mix[2], "attn.out_proj": layer.attention.out, "norm1": layer.local_norm, "norm2": layer.attention_norm,
        "norm3": layer.norm,
    }  # fmt: skip
    found = {f"{name}.{kind}": getattr(part, kind) for name, part in names.items() for kind in ("weight", "bias")}
    found |= {f"attn.in_proj_{kind}": getattr(layer.attention.qkv, kind) for kind in ("weight", "bias")}
    return {name: value.detach().numpy() for name, value in found.items()}


def ours(options: argparse.Namespace, folder: Path) -> dict[str, Callable[[], torch.Tensor]]:
    """The same layers here, and the weights and batch for the other side."""
    from hooke.core.recipe import load_recipe
    from hooke.models import gps, gps_plus_plus
    from hooke.molecules.batch import collate
    from hooke.nn.graphs.distinct import Distinct, group_equal
    from hooke.nn.graphs.embeddings import BondEmbedding
    from hooke.nn.graphs.pair_bias import PairContext
    from hooke.nn.graphs.segment import edges_of
    from hooke.train.fit import prepare

    store = prepare(load_recipe("pocketmix"), workers=1, show_progress=False)
    rows = np.random.default_rng(0).permutation(len(store))[: options.molecules]
    batch = collate(store.read(rows))
    torch.manual_seed(0)
    width = options.width
    layers = [
        gps.Layer(gps.Config(width=width, heads=options.heads, edge_width=EDGE_WIDTH)) for _ in range(options.depth)
    ]
    bonds: Distinct = BondEmbedding(EDGE_WIDTH)(batch)
    rows, keys = bonds.rows.detach(), bonds.kinds.group
    nodes = torch.randn(batch.num_nodes, width, requires_grad=True)
    context = PairContext(options.heads)
    weights = {
        f"w.{number}.{name}": value for number, layer in enumerate(layers) for name, value in their(layer).items()
    }
    np.savez(
        folder / "given.npz", nodes=nodes.detach().numpy(), bonds=bonds.expand().detach().numpy(), heads=options.heads, depth=options.depth,
        edge_index=batch.edge_index.numpy(), graph=batch.node_graph.numpy(), **weights,
    )  # fmt: skip

    def run() -> torch.Tensor:
        found, around, bonds = nodes, context(batch, edges_of(batch)), Distinct(rows, group_equal(keys))
        for layer in layers:
            found, bonds = layer(found, bonds, around)
        found.square().sum().backward()
        return found

    config = gps_plus_plus.Config(
        width=width, edge_width=width // 2, global_width=width // 4, depth=options.depth, heads=options.heads
    )
    others = [gps_plus_plus.Layer(config, number / options.depth) for number in range(options.depth)]
    states = torch.randn(batch.edge_index.shape[1], width // 2), torch.randn(batch.num_graphs, width // 4)

    def plus_plus() -> torch.Tensor:
        around = context(batch, edges_of(batch))
        found, edges, state = nodes, *states
        for layer in others:
            found, edges, state = layer(found, edges, state, around, batch)
        (found.square().sum() + edges.square().sum() + state.square().sum()).backward()
        return found

    return {"gps": run, "gps_plus_plus": plus_plus}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--pyg")
    parser.add_argument("--worker", action="store_true")
    for name, value in (("rounds", 15), ("molecules", 128), ("width", 96), ("heads", 4), ("depth", 4)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.worker:
        worker(options.results)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = ours(options, folder)
        command = [options.pyg, __file__, name, "--worker"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            assert peer.stdin
            assert peer.stdout
            assert peer.stdout.readline() == "ready\n"
            difference = float(np.abs(np.load(folder / "theirs.npy") - runs["gps"]().detach().numpy()).max())
            assert difference < 1e-4, f"the outputs differ by {difference}"
            times: dict[str, list[float]] = {"gps": [], "gps_plus_plus": [], "pyg": []}
            for _ in range(options.rounds + 1):
                for key, run in runs.items():
                    start = time.process_time()
                    for _ in range(PASSES):
                        run()
                    times[key].append(1000 * (time.process_time() - start) / PASSES)
                peer.stdin.write("go\n")
                peer.stdin.flush()
                times["pyg"].append(json.loads(peer.stdout.readline()))
            peer.stdin.close()
    ratios = [theirs / mine for theirs, mine in zip(times["pyg"][1:], times["gps"][1:], strict=True)]
    line = {
        "bench": "gps_speed", "molecules": options.molecules, "width": options.width, "heads": options.heads,
        "depth": options.depth, "rounds": options.rounds, "torch": torch.__version__, "largest_difference": difference,
        "cpu_ms_a_layer_median": {key: round(statistics.median(found[1:]) / options.depth, 2) for key, found in times.items()},
        "pyg_over_ours": {"median": round(statistics.median(ratios), 2), "min": round(min(ratios), 2), "max": round(max(ratios), 2)},
    }  # fmt: skip
    with open(options.results, "a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line))


if __name__ == "__main__":
    main()
