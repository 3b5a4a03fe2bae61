"""LargeMix at its full width on real molecules.

`python bench/largemix_twin.py FOLDER OUT.json [--molecules 100000] [--model gcn] [--batches 20]` writes the four tables in their published forms
(3,313 label columns) for molecules of the mirror (`HOOKE_MIRROR`), their rows in LargeMix's proportions: PCQM4M 70.6%, PCBA 29%, L1000 0.5%.
PCBA's assays are measured in 6% of the cells, all others in all. Labels are random: only sizes and speed are of interest. One process then
prepares the store, and another trains some batches of an epoch. Peak memory is that of each process alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = {"pcqm4m_g25_n4": 3_810_323, "pcba_1328": 1_563_664, "l1000_vcap": 15_220, "l1000_mcf7": 11_622}
MEASURED = 0.06  # of PCBA's cells
BLOCK = 2000


def molecules(count: int) -> list[str]:
    """Different SMILES of the mirror's tables of drug-like molecules."""
    mirror, found = Path(os.environ["HOOKE_MIRROR"]), dict[str, None]()
    for name in ("zinc/zinc250k_jtvae_valid.smi.gz", "zinc/zinc250k_jtvae_test.smi.gz"):
        with gzip.open(mirror / name, "rt") as file:
            found.update(dict.fromkeys(line.split()[0] for line in file if line.strip()))
    for name in ("molecules/deepchem_chembl_5thresh.csv.gz", "moleculenet/muv.csv.gz", "moleculenet/tox21.csv.gz"):
        with gzip.open(mirror / name, "rt") as file:
            column = file.readline().strip().split(",").index("smiles")
            found.update(dict.fromkeys(line.split(",")[column] for line in file))
    texts = list(found)
    return [texts[place % len(texts)] for place in range(count)]


def write(folder: Path, texts: list[str]) -> dict[str, int]:
    """The files of all tables and their splits; returns rows of each."""
    from rdkit import Chem, rdBase

    from hooke.core.pt_files import write_integer_lists
    from hooke.datasets.largemix import TABLES

    generator, counts, start = np.random.default_rng(0), {}, 0
    total = sum(ROWS.values())
    for name, table in TABLES.items():
        rows = max(50, round(len(texts) * ROWS[name] / total))
        mine, start = texts[start : start + rows], (start + rows) % max(1, len(texts) - rows)
        path = folder / table.files[0].name
        columns = table.every_column()
        smiles = mine
        if name == "pcqm4m_g25_n4":
            with rdBase.BlockLogs():
                parsed = [Chem.MolFromSmiles(text) for text in mine]
            mine = [text for text, molecule in zip(mine, parsed, strict=True) if molecule is not None]
            smiles, sizes = [], []
            for molecule in (molecule for molecule in parsed if molecule is not None):
                for atom in molecule.GetAtoms():
                    atom.SetAtomMapNum(atom.GetIdx() + 1)
                smiles.append(Chem.MolToSmiles(molecule))
                sizes.append(molecule.GetNumAtoms())
        writer = None
        for first in range(0, len(mine), BLOCK):
            last = min(first + BLOCK, len(mine))
            data: dict[str, object] = {table.smiles or "smiles": smiles[first:last]}
            for column, label in columns:
                if label.level == "node":
                    data[column] = [
                        generator.normal(size=size).astype(np.float32).tolist() for size in sizes[first:last]
                    ]
                elif label.kind == "binary":
                    values = (generator.random(last - first) < 0.02).astype(float)
                    data[column] = pa.array(values, mask=generator.random(last - first) >= MEASURED)
                elif label.classes:
                    data[column] = generator.integers(0, label.classes, last - first).astype(float)
                else:
                    data[column] = generator.normal(size=last - first)
            block = pa.table(data)
            if path.suffix == ".parquet":
                writer = writer or pq.ParquetWriter(path, block.schema)
                writer.write_table(block)
            else:
                import polars as pl

                with gzip.open(path, "ab") as file:
                    pl.from_arrow(block).write_csv(file, include_header=first == 0)  # type: ignore[union-attr]
        if writer is not None:
            writer.close()
        order = generator.permutation(len(mine)).tolist()
        cut = len(order) // 25
        write_integer_lists(
            folder / table.split_file.name,
            {"train": order[2 * cut :], "val": order[:cut], "test": order[cut : 2 * cut], "test_seen": []},
        )  # type: ignore[union-attr]
        counts[name] = len(mine)
    return counts


def tables(folder: Path) -> list[object]:
    """The tables with the written files at hand."""
    from dataclasses import replace

    from hooke.datasets.largemix import TABLES

    return [
        replace(table, paths=(folder / table.files[0].name,), split_path=folder / table.split_file.name)  # type: ignore[union-attr]
        for table in TABLES.values()
    ]


def peak() -> float:
    """GB of resident memory that this process and its largest child have had."""
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + children) * 1024 / 1e9


def prepare(folder: Path) -> dict[str, float]:
    """The store; how long it took and the peak memory."""
    from hooke.core.how import How
    from hooke.core.recipe import load_recipe
    from hooke.molecules.tables.ingest import prepare_tables

    sections = load_recipe("largemix_gcn").sections
    before, start = peak(), time.perf_counter()
    store = prepare_tables(
        tables(folder), folder / "stores", "largemix", How(0, show_progress=False, sections=sections)
    )  # type: ignore[arg-type]
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    return {
        "molecules": len(store),
        "seconds": seconds,
        "peak_gb": peak(),
        "import_gb": before,
        "store_gb": size / 1e9,
        "folder": str(store.folder),
    }  # type: ignore[dict-item]


def train(folder: Path, store_folder: str, model: str, batches: int) -> dict[str, float]:
    """Some batches of an epoch; rows a second and the peak memory."""
    import torch

    from hooke.core.recipe import load_recipe
    from hooke.inference.network import build_network, build_task
    from hooke.modalities import trainable
    from hooke.molecules.splitting import split_store
    from hooke.molecules.store import MoleculeStore

    recipe = load_recipe(f"largemix_{model}")
    modality, store = trainable("molecules", "fit"), MoleculeStore.open(Path(store_folder))
    rows = split_store(store, recipe.split).train
    start = time.perf_counter()
    spec = modality.spec(store, rows, recipe)
    statistics, after_statistics = time.perf_counter() - start, peak()
    task = build_task(recipe.task, spec)
    network = build_network(modality, recipe.model, spec, task).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    loader = modality.loader(store, rows, spec, recipe, part="train", seed=0)
    generator, items, start = torch.Generator().manual_seed(0), 0, time.perf_counter()
    taken: Iterator[object] = iter(loader.epoch(0))
    for step, batch in enumerate(taken):
        loss = task.losses(network, batch, step, generator)["loss"]
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        items += batch.num_items  # type: ignore[attr-defined]
        if step + 1 == batches:
            break
    seconds = time.perf_counter() - start
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return {
        "train_rows": len(rows), "batches_an_epoch": len(loader), "batches": step + 1, "rows": items, "seconds": seconds,
        "rows_per_second": items / seconds, "peak_gb": peak(), "statistics_seconds": statistics, "after_statistics_gb": after_statistics,
        "parameters": parameters, "last_loss": float(loss.detach()),
    }  # fmt: skip


def main() -> None:
    """Write, prepare and train in processes of their own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--molecules", type=int, default=100_000)
    parser.add_argument("--model", default="gcn")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--part", default="")
    parser.add_argument("--store", default="")
    given = parser.parse_args()
    if given.part:
        found = (
            prepare(given.folder)
            if given.part == "prepare"
            else train(given.folder, given.store, given.model, given.batches)
        )
        print(json.dumps(found))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    if not list(given.folder.glob("*.pt")):
        print(write(given.folder, molecules(given.molecules)), flush=True)
    results = {}
    for part in ("prepare", "train"):
        more = ["--store", results["prepare"]["folder"]] if results else []
        command = [
            sys.executable,
            __file__,
            str(given.folder),
            str(given.out),
            "--part",
            part,
            "--model",
            given.model,
            "--batches",
            str(given.batches),
        ]
        done = subprocess.run([*command, *more], check=True, stdout=subprocess.PIPE, text=True)
        results[part] = json.loads(done.stdout.splitlines()[-1])
        print(part, results[part], flush=True)
    given.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
