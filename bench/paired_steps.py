"""CPU time of training steps of two versions of Hooke, side by side: whether a change made training slower.

    OMP_NUM_THREADS=1 python bench/paired_steps.py OLD/src NEW/src [--models gine dmpnn gps gps_plus_plus] [--rounds 16]

Each version lives in its own process with the same batch of pocketmix and the preset "small" of a model; they take turns of a few steps (losses,
backward, optimiser), the order alternating. Printed: the median of new over old, turn by turn, and its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import numpy as np

STEPS, MOLECULES = 4, 128


def worker(name: str) -> None:
    """Obey the number of steps on each line of stdin with the CPU seconds that they took."""
    import torch

    from hooke.core.label import Label
    from hooke.core.recipe import TrainSection, named_thing
    from hooke.inference.network import build_network, build_task
    from hooke.modalities import trainable
    from hooke.modalities.molecules.samples import drug_like
    from hooke.molecules.spec import MoleculeSpec
    from hooke.train.optimiser import make_optimiser

    torch.set_num_threads(1)
    spec = MoleculeSpec((Label("y", "graph", "regression"),))
    sample = drug_like(spec)
    batch = sample.batch(range(min(sample.items, MOLECULES)), spec)
    torch.manual_seed(0)
    task = build_task(named_thing("tasks", {"name": "multitask"}, "task", ""), spec)
    model = named_thing("models", {"name": name, "preset": "small"}, "model", "")
    network = build_network(trainable("molecules", "fit"), model, spec, task).train()
    optimiser, generator = make_optimiser(network, TrainSection()), torch.Generator().manual_seed(0)
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.process_time()
        for _ in range(int(line)):
            task.losses(network, batch, 0, generator)["loss"].backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        print(time.process_time() - started, flush=True)


def start(source: str, name: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, __file__, source, source, "--worker", name],
        env={**os.environ, "PYTHONPATH": source}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    return process


def seconds(process: subprocess.Popen[str]) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{STEPS}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--models", nargs="+", default=["gine", "dmpnn", "gps", "gps_plus_plus"])
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--worker", default="")
    options = parser.parse_args()
    if options.worker:
        worker(options.worker)
        return
    for name in options.models:
        pair = [start(options.old, name), start(options.new, name)]
        for process in pair:
            seconds(process)
        ratios = []
        for turn in range(options.rounds):
            order = pair if turn % 2 else pair[::-1]
            taken = {id(process): seconds(process) for process in order}
            ratios.append(taken[id(pair[1])] / taken[id(pair[0])])
        draws = np.random.default_rng(0).integers(0, len(ratios), (2000, len(ratios)))
        low, high = np.quantile(np.median(np.array(ratios)[draws], axis=1), [0.025, 0.975])
        print(f"{name}: {np.median(ratios):.3f} [{low:.3f}, {high:.3f}]", flush=True)
        for process in pair:
            process.terminate()


if __name__ == "__main__":
    main()
