"""Put a finished run into the package as an encoder, with its model card: what `hooke show model NAME` prints.

    python scripts/ship_encoder.py RUN NAME WORDS.toml

Copied are the recipe, the labels (of images: the spec) and the weights of the first member.
WORDS.toml says what no run knows (title, licence, limits, ...);
parameters, rows, labels by table, validation scores, versions and hashes are read from the run. At most 10 MB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.hashing import file_sha256
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.inference.loaded import LoadedRun
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.vectors import Matched

FOLDER = Path(__file__).parent.parent / "src" / "hooke" / "inference" / "data"
MOST_BYTES = 10_000_000
KEPT = ("format", "name", "identity", "data_hash", "status", "versions")


def scores(run: RunFolder) -> dict[str, str]:
    """The mean validation score of each table's labels."""
    source = {label.name: label.source for label in LoadedRun.open(run.folder, "cpu").labels}
    found: dict[tuple[str, str], list[float]] = {}
    for name, values in run.read_json("metrics.json")["valid"]["graph"].items():
        for metric in ("roc_auc", "r2"):
            if np.isfinite(values.get(metric) if values.get(metric) is not None else np.nan):
                found.setdefault((source[name], metric), []).append(values[metric])
    return {
        f"{table}, {metric}": f"median {np.median(values):.3f} of {len(values)} labels"
        for (table, metric), values in found.items()
    }


def card(run: RunFolder, words: dict[str, Any]) -> dict[str, Any]:
    """Words and facts."""
    return words | (image_facts(run) if LoadedRun.open(run.folder, "cpu").modality == "images" else molecule_facts(run))


def image_facts(run: RunFolder) -> dict[str, Any]:
    """Architecture, data and validation of an encoder of images."""
    loaded, store = LoadedRun.open(run.folder, "cpu"), ImageStore.open(Path(run.info["store"]))
    encoder, data, label = (
        loaded.network.encoder,
        run.recipe["data"],
        next((one for one in loaded.labels if one.classes), None),
    )
    classes = label.classes if label else 0
    return {
        "architecture": run.recipe["model"],
        "parameters": sum(tensor.numel() for tensor in encoder.encoder.parameters()),
        "width": encoder.width,
        "recipe": run.recipe["name"],
        "tables": {data["name"]: f"{len(store):,} fields, {classes:,} classes, seed {data['seed']}"},
        "channels": list(loaded.spec.channels),
        "validation": run.read_json("metrics.json")["valid"],
        "made_with": run.info["versions"],
    }  # fmt: skip


def molecule_facts(run: RunFolder) -> dict[str, Any]:
    """Architecture, tables and validation of an encoder of molecules."""
    loaded, store = LoadedRun.open(run.folder, "cpu"), MoleculeStore.open(Path(run.info["store"]))
    counted = Counter(label.source for label in loaded.labels)
    tables = store.metadata["tables"]
    data = {
        name: f"{tables[name]['rows_kept']:,} of {tables[name]['rows_read']:,} rows, {counted[name]} labels"
        for name in tables
    }
    taught, train = store.metadata.get("vectors"), run.recipe["train"]
    return {
        "architecture": run.recipe["model"],
        "parameters": sum(tensor.numel() for tensor in loaded.ensemble.networks[0].encoder.parameters()),  # type: ignore[union-attr]
        "width": loaded.width,
        "recipe": run.recipe["name"],
        "tables": data,
        "computed_labels": counted["descriptors"],
        "taught_by": Matched(**taught).summary() if taught else "no other encoder",
        "training": {name: train[name] for name in ("epochs", "batch_size", "learning_rate")},
        "left_out": f"{store.metadata['held_out']:,} rows whose molecule a suite tests on",
        "validation": scores(run),
        "made_with": run.info["versions"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("words", type=Path)
    given = parser.parse_args()
    run, target = RunFolder.open(given.run), FOLDER / given.name
    shutil.rmtree(target, ignore_errors=True)
    (target / "members" / "0").mkdir(parents=True)
    made = RunFolder(target)
    made.write_json("recipe.json", run.recipe)
    made.write_json("run.json", {key: run.info[key] for key in KEPT})
    (target / "spec.json").write_text(json.dumps(run.read_json("spec.json")))
    shutil.copyfile(run.path("members/0/best.safetensors"), target / "members" / "0" / "best.safetensors")
    files = sorted(path for path in target.rglob("*") if path.is_file())
    hashes = {str(path.relative_to(target)): file_sha256(path) for path in files}
    made.write_json("card.json", {**card(run, tomllib.loads(given.words.read_text())), "sha256": hashes})
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        raise SystemExit(f"{target} has {size:,} bytes, more than {MOST_BYTES:,}")
    print(f"{target}: {size:,} bytes")


if __name__ == "__main__":
    main()
