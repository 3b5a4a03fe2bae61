"""The script for an accelerator runs as a whole, on a CPU with a tiny setting."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "bench" / "device_speed.py"


def test_it_measures_three_things(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    options = ["--device", "cpu", "--setting", "tiny", "--seconds", "0.05"]
    process = subprocess.run(
        [sys.executable, SCRIPT, results, *options], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["what"] for line in lines] == [
        "GPS++, training graphs",
        "MAE, training images",
        "tiny, molecules embedded",
    ]
    assert all(line["items_per_second"] > 0 and line["steps"] > 0 for line in lines)
