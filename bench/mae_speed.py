"""Paired training throughput of `hooke.models.mae` and transformers' ViTMAE: equal sizes, masks ratio, optimiser, precision.

    python bench/mae_speed.py RESULTS.jsonl --peer PYTHON [--only tiny small_16] [--rounds 7] [--threads 1] [--bf16]

Each system trains in a process of its own; they take turns, so that a busy machine slows both alike. The ratio is the median over
pairs of turns of (our images per second) / (theirs), by wall time and by processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TINY: dict[str, Any] = {
    "width": 96, "depth": 4, "heads": 4, "patch": 8, "size": 64, "channels": 6,
    "decoder_width": 64, "decoder_depth": 2, "decoder_heads": 4,
}  # fmt: skip
SMALL: dict[str, Any] = {
    "width": 384, "depth": 12, "heads": 6, "patch": 16, "size": 256, "channels": 6,
    "decoder_width": 512, "decoder_depth": 8, "decoder_heads": 16,
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "tiny": {**TINY, "batch": 32, "steps": 20},
    "tiny_four": {**TINY, "batch": 4, "steps": 60},
    "small_16": {**SMALL, "batch": 8, "steps": 1},
}


class Worker:
    """One system in its own process, idle between turns."""

    def __init__(self, python: str, settings: dict[str, Any], folder: Path) -> None:
        threads = str(settings["threads"])
        path = folder / f"{settings['system']}.json"
        path.write_text(json.dumps(settings))
        self.process = subprocess.Popen(
            [python, str(Path(__file__).parent / "mae_peer.py"), "train", str(path)],
            env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.info = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a worker ended: {self.process.args}")
        return json.loads(line)

    def turn(self, steps: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"run {steps}\n")
        self.process.stdin.flush()
        return self._answer()


def compare(name: str, options: argparse.Namespace) -> dict[str, Any]:
    settings = {**SETTINGS[name], "ratio": 0.75, "threads": options.threads, "bf16": options.bf16}
    with tempfile.TemporaryDirectory() as folder:
        workers = {
            system: Worker(python, {**settings, "system": system}, Path(folder))
            for system, python in (("hooke", sys.executable), ("transformers", options.peer))
        }
        turns: dict[str, list[dict[str, Any]]] = {system: [] for system in workers}
        for number in range(options.rounds + 1):
            for system in list(workers) if number % 2 else list(reversed(workers)):
                turn = workers[system].turn(settings["steps"])
                if number:  # the first turn warms up
                    turns[system].append(turn)
        for worker in workers.values():
            worker.process.communicate()
    line: dict[str, Any] = {
        "setting": name, "threads": options.threads, "bf16": options.bf16, "rounds": options.rounds,
        "batch": settings["batch"], "processor": platform.processor() or platform.machine(),
    }  # fmt: skip
    images = settings["steps"] * settings["batch"]
    for basis, suffix in (("seconds", ""), ("cpu_seconds", "_by_cpu_time")):
        speeds = {system: [images / turn[basis] for turn in found] for system, found in turns.items()}
        ratios = [ours / theirs for ours, theirs in zip(speeds["hooke"], speeds["transformers"], strict=True)]
        line[f"ratio{suffix}"] = round(statistics.median(ratios), 3)
        line[f"ratio_range{suffix}"] = [round(min(ratios), 3), round(max(ratios), 3)]
        for system, values in speeds.items():
            line[f"{system}_images_per_second{suffix}"] = round(statistics.median(values), 2)
    for system, found in turns.items():
        line[f"{system}_peak_mb"] = found[-1]["peak_mb"]
        line[f"{system}_info"] = workers[system].info
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--peer", required=True, help="python of an environment with transformers")
    parser.add_argument("--only", nargs="*", default=list(SETTINGS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        line = compare(name, options)
        with open(options.results, "a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line, indent=1), flush=True)


if __name__ == "__main__":
    main()
