"""Writes a golden run: a small finished run in today's format, and what it predicts, for tests of later versions.

    python scripts/make_golden_run.py tests/golden/run_v1

Made once per format version and never again: a run that a newer Hooke wrote would prove nothing about older ones.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

KEPT = (
    "recipe.json",
    "run.json",
    "spec.json",
    "metrics.json",
    "metrics.jsonl",
    "uncertainty.json",
    "members",
)
SMILES = ("CCO", "c1ccccc1O", "CC(=O)Nc1ccc(O)cc1", "C", "[Na+].[Cl-]", "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O")
MACHINE = ("command", "machine", "store", "started", "finished", "seconds", "peak_memory_mb")


def main(target: Path) -> None:
    import os

    from hooke.core.recipe import resolve
    from hooke.inference.predict import predict_in_memory
    from hooke.molecules.tables.twins import write_twin_table
    from hooke.train.fit import fit

    if target.exists():
        sys.exit(f"{target} exists; a golden run is never written again")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["HOOKE_CACHE"] = str(folder / "cache")
        recipe = resolve(
            {
                "name": "golden",
                "data": {"name": "csv", "path": str(write_twin_table(folder / "assay.csv", seed=0, rows=80))},
                "encodings": {"laplacian": 2, "random_walk": 3},
                "model": {
                    "name": "gine", "width": 16, "depth": 2, "edge_width": 8, "embedding_width": 8, "encoding_width": 4,
                },
                "train": {
                    "epochs": 10, "batch_size": 16, "learning_rate": 3e-3, "threads": 1, "accelerator": "cpu", "ensemble": 2,
                },
            }
        )  # fmt: skip
        run = fit(recipe, runs=folder / "runs", workers=1, show_progress=False)
        target.mkdir(parents=True)
        for name in KEPT:
            source = run.path(name)
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target / name)  # type: ignore[operator]
    for last in target.glob("members/*/last.safetensors"):
        last.unlink()
    info = json.loads((target / "run.json").read_text())
    (target / "run.json").write_text(
        json.dumps({key: value for key, value in info.items() if key not in MACHINE}, indent=1)
    )
    saved = json.loads((target / "recipe.json").read_text())
    saved["data"]["path"] = "assay.csv"
    (target / "recipe.json").write_text(json.dumps(saved, indent=1))
    predict_in_memory(target, SMILES, device="cpu").write_parquet(target / "predictions.parquet")
    print(f"{target}: {sum(path.stat().st_size for path in target.rglob('*') if path.is_file()):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
