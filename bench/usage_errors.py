"""CPU time of mistyped commands beside that of `hooke --help`: every verb answers before it loads what it would work with.

python bench/usage_errors.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

MISTAKES = (
    "fit tiny_gine epochs=5", "fit none.csv", "fit tiny_ginee", "finetune tiny none.csv", "resume nowhere", "predict nowhere a.csv -o b.csv",
    "embed nowhere a.csv -o b.parquet", "plan fit tiny_ginee", "label none.csv --method b3lyp/sto-3g -o l.parquet", "label none.csv",
    "relax none.xyz --run nowhere -o r.xyz", "dynamics none.xyz --run nowhere -o r.xyz", "search tiny_ginee s.toml", "scale tiny_gine none.toml",
    "probe nowhere none.csv", "probe-blocks nowhere screen", "benchmark tiny_ginee", "map build none.csv -o m.csv", "map correct none.csv",
    "map recall none.csv", "response check none.h5ad", "discover simulate nothing", "data info nothing", "show names nothing",
    "conformers generate none.csv -o c.sdf", "diffraction reconstruct none.h5", "diffraction phase none.mrc",
)  # fmt: skip


def cpu(command: str, folder: Path) -> tuple[float, int]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "hooke.cli.main", *command.split()], cwd=folder, capture_output=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.returncode


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cpu("--help", Path(folder))
        whole = min(cpu("--help", Path(folder))[0] for _ in range(3))
        print(f"hooke --help: {whole:.2f} s")
        for command in MISTAKES:
            seconds, code = cpu(command, Path(folder))
            print(f"{seconds / whole:5.1f} x  exit {code}  hooke {command}", flush=True)


if __name__ == "__main__":
    main()
