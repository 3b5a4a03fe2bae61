"""Run every tiny_* recipe of the package end to end in an empty folder, and print how long each took."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hooke.core import recipe_files


def main() -> None:
    names = [name for name in recipe_files.names() if name.startswith("tiny_")]
    hooke = str(Path(sys.executable).parent / "hooke")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            start = time.perf_counter()
            subprocess.run([hooke, "fit", name, "--runs", f"{folder}/runs"], check=True, cwd=folder)
            print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
    print(f"{len(names)} tiny recipes ran")


if __name__ == "__main__":
    main()
