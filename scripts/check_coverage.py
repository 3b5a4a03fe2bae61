"""Fail when a source file's line coverage is below the bound.

python scripts/check_coverage.py .coverage.json 85
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(report: Path, bound: float) -> None:
    files = json.loads(report.read_text())["files"]
    percent = {name: entry["summary"]["percent_covered"] for name, entry in files.items()}
    low = {name: value for name, value in percent.items() if value < bound}
    for name, value in sorted(low.items(), key=lambda item: item[1]):
        print(f"{value:5.1f} %  {name}")
    print(f"{len(percent)} files, {len(low)} below {bound:g} %")
    sys.exit(1 if low else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
