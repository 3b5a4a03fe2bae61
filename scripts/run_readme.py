"""Run the README's `hooke` commands as a stranger would: in order, in an empty folder, each must succeed.

Only fenced blocks marked ```bash are run, and of these only lines that start with `hooke` or `python`. Blocks marked
```console or ```sh (set-up, cluster, GPU) are not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def commands(text: str) -> list[str]:
    blocks = re.findall(r"^```bash\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if re.match(r"(hooke|python|cat|printf) ", line.strip())]


def main() -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    found = commands(README.read_text())
    if not found:
        sys.exit("the README holds no command to run")
    with tempfile.TemporaryDirectory() as folder:
        for command in found:
            print(f"$ {command}", flush=True)
            subprocess.run(command, shell=True, check=True, cwd=folder, env=environment)
    print(f"{len(found)} README commands ran")


if __name__ == "__main__":
    main()
