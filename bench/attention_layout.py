"""How to lay out the atoms of a batch for attention: one padded block, blocks of similar size, or a jagged tensor.

    python bench/attention_layout.py RESULTS.jsonl [--rounds 5] [--molecules 64] [--width 128] [--heads 4]

Forward and backward of one attention over the molecules of pocketmix, in batches of similar size (as in training) and at random
(as in prediction), with and without a bias that is learned. The layouts take turns; time is CPU time of the process in
milliseconds, so that what else the machine does matters little. One JSON line a batch kind.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from hooke.core.recipe import load_recipe
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.nn.graphs.attention import MoleculeAttention, attended, masked_bias
from hooke.nn.graphs.pair_bias import PathBias
from hooke.nn.graphs.segment import edges_of
from hooke.nn.graphs.size_groups import size_layout
from hooke.train.fit import prepare

RATIOS = {
    "one_block": 0.0,
    "blocks_0.5": 0.5,
    "blocks_0.6": 0.6,
    "blocks_0.75": 0.75,
    "blocks_0.9": 0.9,
    "exact_sizes": 1.0,
}


def batches(count: int) -> dict[str, MoleculeBatch]:
    """One batch of neighbours in size and one at random."""
    store = prepare(load_recipe("pocketmix"), workers=1, show_progress=False)
    generator = np.random.default_rng(0)
    pool = generator.permutation(len(store))[: 32 * count]
    by_size = pool[np.argsort(store.atom_counts[pool], kind="stable")]
    start = 16 * count
    return {
        "similar": collate(store.read(by_size[start : start + count])),
        "random": collate(store.read(pool[:count])),
    }


def blocks(batch: MoleculeBatch, module: MoleculeAttention, bias: PathBias | None, ratio: float) -> Callable:
    def run(nodes: torch.Tensor) -> torch.Tensor:
        layout = size_layout(batch, ratio)
        biases = [None] * len(layout.groups) if bias is None else bias(batch, layout)
        return module(nodes, attended(edges_of(batch), layout, masked_bias(layout, biases)))

    return run


def jagged(batch: MoleculeBatch, module: MoleculeAttention) -> Callable:
    """Nested tensors of torch; they take no bias."""

    def run(nodes: torch.Tensor) -> torch.Tensor:
        parts = module.qkv(nodes).chunk(3, dim=1)
        rows = [torch.nested.nested_tensor_from_jagged(part.contiguous(), batch.node_offsets) for part in parts]
        query, key, value = (part.unflatten(-1, [module.heads, -1]).transpose(1, 2) for part in rows)
        found = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(-2)
        return module.out(found.values())

    return run


def milliseconds(run: Callable, nodes: torch.Tensor) -> float:
    start = time.process_time()
    run(nodes).square().sum().backward()
    return 1000 * (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results")
    for name, value in (("rounds", 5), ("molecules", 64), ("width", 128), ("heads", 4)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for kind, batch in batches(options.molecules).items():
        for biased in (False, True):
            torch.manual_seed(0)
            module = MoleculeAttention(options.width, options.heads)
            bias = PathBias(options.heads, 32) if biased else None
            runs = {name: blocks(batch, module, bias, ratio) for name, ratio in RATIOS.items()}
            if not biased:
                runs["jagged"] = jagged(batch, module)
            nodes = torch.randn(batch.num_nodes, options.width, requires_grad=True)
            expected = runs["one_block"](nodes)
            for name, run in runs.items():
                torch.testing.assert_close(run(nodes), expected, rtol=1e-4, atol=1e-5, msg=name)
            times: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(options.rounds):
                for name, run in runs.items():
                    times[name].append(milliseconds(run, nodes))
            sizes = batch.node_offsets.diff()
            line = {
                "bench": "attention_layout", "batch": kind, "bias": biased, "molecules": options.molecules,
                "width": options.width, "heads": options.heads, "rounds": options.rounds, "torch": torch.__version__,
                "atoms": [int(sizes.min()), int(sizes.median()), int(sizes.max())],
                "cpu_ms_median": {name: round(statistics.median(found), 2) for name, found in times.items()},
            }  # fmt: skip
            with open(options.results, "a") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
