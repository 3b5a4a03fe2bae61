"""Several processes take one lock in a tight loop: no two are ever in the block at the same time.

    python bench/lock_stress.py --seconds 60 --processes 4

Each entry makes a file that must not be there yet and removes it again: who finds it there has met another process in the block.
Half of the processes wait for the lock, the other half try again when they are refused; now and then one is killed inside.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from hooke.core.errors import HookeError
from hooke.core.files import exclusive

_PF_EXITING = 0x4  # of the flags in /proc/PID/stat (include/linux/sched.h)
KILL_EVERY = 500  # entries of a process after which it is killed inside the block, and started anew


def work(folder: Path, until: float, wait: bool, counts: Any, first: int) -> None:
    """Take the lock until the time is over; entries, refusals and overlaps are counted in the shared array from place `first` on."""
    inside = folder / "inside"
    entries = 0
    while time.monotonic() < until:
        try:
            with exclusive(folder / "shared", "is inside", wait=wait):
                entries += 1
                counts[first] += 1
                try:
                    with open(inside, "x") as file:
                        file.write(str(os.getpid()))
                except FileExistsError:
                    counts[first + 2] += not _died(inside)
                if entries == KILL_EVERY:
                    os.kill(os.getpid(), signal.SIGKILL)
                inside.unlink(missing_ok=True)
        except HookeError:
            counts[first + 1] += 1


def _died(inside: Path) -> bool:
    """Whether the process that made the file was killed in the block: its lock is free, and its file is ours to remove."""
    try:
        os.kill(int(inside.read_text()), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return _exiting(int(inside.read_text()))


def _exiting(process: int) -> bool:
    """Whether a process is dead or dying: the system closes its files, and so frees its lock, before it is seen as a zombie."""
    try:
        state, *rest = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return True
    return state in "ZX" or bool(int(rest[5]) & _PF_EXITING)


def stress(folder: Path, *, processes: int = 4, seconds: float = 60.0) -> dict[str, int]:
    """Entries, refusals, overlaps and kills of so many processes in so many seconds."""
    context = multiprocessing.get_context("fork")
    counts = context.RawArray("q", 3 * processes)
    until, kills = time.monotonic() + seconds, 0

    def start(number: int) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=work, args=(folder, until, number % 2 == 0, counts, 3 * number))
        process.start()
        return process

    running = [start(number) for number in range(processes)]
    while any(process.is_alive() or process.exitcode == -signal.SIGKILL for process in running):
        for number, process in enumerate(running):
            if process.exitcode == -signal.SIGKILL:
                kills += 1
                process.join()
                running[number] = start(number)
        time.sleep(0.01)
    for process in running:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a process ended with {process.exitcode}")
    return {
        **{name: sum(counts[place::3]) for place, name in enumerate(("entries", "refusals", "overlaps"))},
        "kills": kills,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = stress(Path(temporary), processes=options.processes, seconds=options.seconds)
    print(json.dumps(found))
    raise SystemExit(found["overlaps"] > 0)
