"""The wheel as users get it: built, installed without extras in a clean environment of each Python, and used there.

    python scripts/check_wheel.py                      # Python 3.11, 3.12 and 3.13, those that are there; says which are not
    python scripts/check_wheel.py --python 3.11 --cpu  # one of them, with the build of torch for CPUs

In each environment, without the source tree: `hooke fit` and `hooke predict` on a small table, then mypy --strict of a user's script against
the installed package (py.typed). Exits with 1 when a step fails, or when no Python is there. pip takes packages from where it is configured to.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
SMILES = ("CCO", "CCN", "c1ccccc1", "CCCl", "CC(=O)O", "CCCC", "C1CCCCC1", "CC(C)O", "CCS", "COC")
SCRIPT = """
from pathlib import Path

import hooke

run = hooke.fit(csv="assay.csv", targets=["y"], model="ridge", report=False)
folder: Path = run.folder
report = hooke.predict(folder, "assay.csv", "predictions.parquet")
rows: int = report.rows
print(hooke.load(folder).embed(["CCO"]).shape, rows)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--python", action="append", help="only this version, such as 3.12; may be repeated")
    parser.add_argument("--cpu", action="store_true", help="torch from the index of builds for CPUs, some 5 GB less")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = built(Path(folder))
        checked, absent, failed = [], [], []
        for version in options.python or PYTHONS:
            python = found(version)
            if python is None:
                absent.append(version)
            else:
                problem = check(python, wheel, Path(folder) / version, cpu=options.cpu)
                (failed if problem else checked).append(version)
                print(f"Python {version}: {problem or 'fit, predict and mypy pass'}", flush=True)
    if absent:
        print(f"not on this machine, and not checked: Python {', '.join(absent)}")
    sys.exit(1 if failed or not checked else 0)


def built(folder: Path) -> Path:
    """The wheel of the source tree."""
    done(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT))
    [wheel] = folder.glob("hooke_bio-*.whl")
    return wheel


def found(version: str) -> str | None:
    """An interpreter that runs and is of the version; shims of version managers may do neither."""
    candidates = [
        shutil.which(f"python{version}"),
        *map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))),
    ]
    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    for path in filter(None, candidates):
        answer = subprocess.run([path, "-c", asked], capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return path
    return None


def check(python: str, wheel: Path, folder: Path, *, cpu: bool) -> str:
    """What is wrong with the wheel under one Python; "" for nothing."""
    own = folder / "venv" / "bin"
    index = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"] if cpu else []
    table = folder / "assay.csv"
    try:
        done(python, "-m", "venv", str(folder / "venv"))
        table.write_text("smiles,y\n" + "".join(f"{text},{place % 7}\n" for place, text in enumerate(SMILES * 3)))
        (folder / "user.py").write_text(SCRIPT)
        done(str(own / "python"), "-m", "pip", "install", "-q", *index, "-c", str(ROOT / "constraints.txt"), str(wheel))
        fit = ("fit", "--csv", "assay.csv", "--targets", "y", "--model", "ridge", "--no-report")
        done(str(own / "hooke"), *fit, folder=folder)
        [run] = {path.parent for path in (folder / "runs").glob("*/*/run.json")}
        done(str(own / "hooke"), "predict", str(run), "assay.csv", "-o", "predictions.csv", folder=folder)
        lines = (folder / "predictions.csv").read_text().splitlines()
        if len(lines) != 1 + 3 * len(SMILES):
            return f"{len(lines) - 1} predictions for {3 * len(SMILES)} rows"
        done(str(own / "python"), "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), "mypy")
        done(str(own / "python"), "-m", "mypy", "--strict", "user.py", folder=folder)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        return f"{' '.join(map(str, error.cmd[:4]))} ... failed: {said[-1] if said else error.returncode}"
    return ""


def done(*command: str, folder: Path | None = None) -> None:
    """Run a command outside of the source tree and of its environment."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    kept |= {"HOOKE_PROGRESS": "0"} | ({} if folder is None else {"HOOKE_CACHE": str(folder / "cache")})
    subprocess.run(command, cwd=folder, env=kept, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    main()
