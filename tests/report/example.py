"""A realistic report from real molecules of pocketmix, with made-up predictions: for tests and for design.

PYTHONPATH=src python tests/report/example.py report.json
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl

from hooke.core.label import Label
from hooke.report.build import (
    binary_curves,
    coverage,
    difference,
    gallery,
    learning_curves,
    parity,
    predictions,
    reliability,
    result_table,
)
from hooke.report.data import data_summary, label_summary
from hooke.report.data_schema import DuplicateGroup, KeyNumber
from hooke.report.drawing import MoleculePool
from hooke.report.embedding_map import Method, embedding_map
from hooke.report.provenance import reproduce
from hooke.report.schema import Report, Summary

ASSAY = Label("hydration_free_energy", unit="kcal/mol", source="FreeSolv")
SOLUBLE = Label("soluble", kind="binary")
MODELS = {"fine-tuned": 0.9, "from scratch": 1.25, "random forest": 1.55, "ridge": 1.75, "mean": 3.8}
BASELINES = ("random forest", "ridge", "mean")
UNSEEN = {
    "Aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "Caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "Ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "Paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "Nicotine": "CN1CCC[C@H]1c1cccnc1",
    "Menthol": "CC(C)[C@@H]1CC[C@@H](C)C[C@H]1O",
    "Vanillin": "COc1cc(C=O)ccc1O",
    "A broken row": "c1ccc(",
}


def interval(value: float, half: float) -> SimpleNamespace:
    return SimpleNamespace(value=value, low=value - half, high=value + half)


def curve_lines(
    generator: np.random.Generator, members: int, epochs: int, start: float, end: float
) -> list[dict[str, float]]:
    lines = []
    for member in range(members):
        for epoch in range(1, epochs + 1):
            fallen = end + (start - end) * np.exp(-epoch / (epochs / 6))
            train = fallen * 0.8 * np.exp(generator.normal(0, 0.02))
            valid = (fallen + 0.03 * epoch / epochs) * np.exp(generator.normal(0, 0.05))
            lines.append({"member": member, "epoch": epoch, "train_loss": float(train), "valid_loss": float(valid)})
    return lines


def example(molecules: int = 60, *, method: Method = "pca", seed: int = 0) -> Report:
    """A report with every section filled."""
    generator = np.random.default_rng(seed)
    with resources.as_file(resources.files("hooke.datasets") / "data" / "pocketmix.parquet") as path:
        table = pl.read_parquet(path).filter(pl.col(ASSAY.name).is_not_null())
    table = table.sample(min(molecules, len(table)), seed=seed)
    smiles, measured = table["smiles"].to_list(), table[ASSAY.name].to_numpy().astype(float)
    count = len(smiles)
    pool = MoleculePool()

    spread = np.abs(generator.normal(0.5, 0.25, count)) + 0.1
    predicted = measured + generator.standard_t(4, count) * 0.6
    low, high = predicted - 2.2 * spread, predicted + 2.2 * spread
    shown = {
        "task": ASSAY.name,
        "model": "fine-tuned",
        "smiles": smiles,
        "measured": measured,
        "predicted": predicted,
        "low": low,
        "high": high,
        "unit": "kcal/mol",
    }
    soluble = (table["log_solubility"].fill_null(-1.0).to_numpy() > np.median(measured) / 2).astype(float)
    score = {
        name: 1 / (1 + np.exp(-(3 / width * (soluble - 0.5) + generator.normal(0, 1, count))))
        for name, width in MODELS.items()
    }
    bins = np.linspace(0.05, 0.95, 10)
    found = SimpleNamespace(
        predicted=bins,
        observed=np.clip(bins + generator.normal(0, 0.06, 10), 0, 1),
        count=generator.integers(8, 40, 10),
        expected_error=0.047,
    )
    levels = np.linspace(0.05, 0.95, 19)
    scratch = {f"seed {seed}": curve_lines(generator, 1, 60, 2.0, 0.5) for seed in range(3)}
    tuned = {f"seed {seed}": curve_lines(generator, 1, 60, 1.2, 0.32) for seed in range(3)}
    labels = [ASSAY, SOLUBLE]
    unseen = generator.normal(-6, 3, (len(UNSEEN), 1))
    unseen = np.hstack([unseen, generator.uniform(0.05, 0.95, (len(UNSEEN), 1))])
    fingerprint = np.stack([[text.count(sign) for sign in "CNOFScno1=(lBr"] for text in smiles]).astype(float)
    fingerprint += generator.normal(0, 0.15, fingerprint.shape)
    size = np.array([sum(sign.isalpha() for sign in text) for text in smiles], dtype=float)
    with_gap = np.where(generator.random(count) < 0.1, np.nan, table["gap"].to_numpy())
    galleries = gallery(pool, **shown)
    return Report(
        title="Pretraining on pocketmix, fine-tuned on hydration free energies",
        subtitle="hooke quickstart",
        created="2026-01-01T12:00:00+00:00",
        summary=Summary(
            "Fine-tuning beats training from scratch by 0.35 kcal/mol [0.21, 0.49] over 3 seeds, and every baseline.",
            "better",
            (
                KeyNumber("0.90 kcal/mol", "RMSE on unseen molecules", "95 % interval 0.78 to 1.02"),
                KeyNumber("91 %", "of measurements inside the 90 % intervals", "193 test molecules"),
                KeyNumber("1,598", "molecules pretrained on", "6 labels at 3 levels"),
                KeyNumber("2 min 31 s", "from nothing to this page", "2 cores, no GPU"),
            ),
            (
                "The assay is small: 193 test molecules; three seeds share its test set.",
                "Labels computed by GFN2-xTB are approximate.",
            ),
        ),
        data=(
            data_summary(
                "pocketmix",
                ingest={
                    "rows_read": 1642,
                    "rows_kept": 1598,
                    "rows_rejected": 9,
                    "duplicates_merged": 35,
                    "conflicts": 4,
                    "label_problems": 3,
                    "ignored_columns": {"notes": "text, not numbers"},
                },
                labels=[
                    label_summary(ASSAY, measured),
                    label_summary(Label("gap", unit="eV"), with_gap),
                    label_summary(SOLUBLE, soluble),
                ],
                parts={"train": 385, "valid": 64, "test": 193},
                leaks={
                    "equal_structures": 0,
                    "equal_scaffolds": 88,
                    "similarity_median": 0.47,
                    "similarity_above_0.8": 12,
                },
                rejected=[
                    {"row": 17, "what": "row", "column": "smiles", "value": "c1ccc(", "reason": "unclosed ring 1"},
                    {"row": 214, "what": "row", "column": "smiles", "value": "", "reason": "empty"},
                    {"row": 391, "what": "label", "column": "gap", "value": "n/a", "reason": "'n/a' is not a number"},
                    {
                        "row": 502,
                        "what": "row",
                        "column": "smiles",
                        "value": "<script>alert(1)</script>",
                        "reason": "syntax",
                    },
                    {
                        "row": 640,
                        "what": "row",
                        "column": "smiles",
                        "value": "C" * 5000,
                        "reason": "more than 1,000 atoms",
                    },
                ],
                title="Small molecules with measured and GFN2-xTB labels",
                source="FreeSolv; RDKit's solubility set; quantum labels computed with GFN2-xTB",
                licence="Apache-2.0; BSD-3-Clause",
                split="random, 60/10/30, seed 0",
                duplicates=(DuplicateGroup("CCO", (12, 890), ASSAY.name, (-5.0, -5.1), -5.05),),
                duplicates_rule="mean of the measurements; all 4 groups that disagreed would be listed, 1 is",
            ),
        ),
        training=(
            learning_curves(
                "Pretraining", curve_lines(generator, 3, 60, 6.0, 0.6), note="Loss over all labels and levels."
            ),
            learning_curves("Fine-tuning", tuned),
            learning_curves("From scratch", scratch),
        ),
        results=(
            result_table(
                "Held-out assay",
                [ASSAY],
                "rmse",
                {name: [interval(value, value / 8)] for name, value in MODELS.items()},
                higher_is_better=False,
                baselines=BASELINES,
                counts=[193],
                part="test",
                split="random, 60/10/30, 3 seeds",
                repeats={name: [value + generator.normal(0, 0.06, 3)] for name, value in MODELS.items()},
                intervals="95 % bootstrap over test molecules; ticks: single seeds",
            ),
            result_table(
                "All labels after pretraining",
                [
                    Label("gap", unit="eV"),
                    Label("dipole", unit="debye"),
                    SOLUBLE,
                    Label("charge", "node", unit="e"),
                    Label("bond_order", "edge"),
                ],
                {"gap": "rmse", "dipole": "rmse", "soluble": "roc_auc", "charge": "rmse", "bond_order": "rmse"},
                {
                    name: [
                        interval(0.2 * v, 0.02),
                        interval(0.5 * v, 0.06),
                        interval(0.97 - 0.1 * v, 0.02),
                        0.02 * v,
                        0.03 * v if name != "ridge" else None,
                    ]
                    for name, v in list(MODELS.items())[:4]
                },
                higher_is_better={"gap": False, "dipole": False, "soluble": True, "charge": False, "bond_order": False},
                baselines=BASELINES[:2],
                counts=[80, 80, 72, 1044, 1010],
                part="valid",
                split="random, 5 % held out",
                intervals="95 % bootstrap over molecules",
            ),
        ),
        differences=tuple(
            difference(
                "fine-tuned",
                other,
                ASSAY.name,
                "rmse",
                interval(0.9 - MODELS[other] + shift, half),
                higher_is_better=False,
                unit="kcal/mol",
                pairs=3,
            )
            for other, shift, half in (
                ("from scratch", 0, 0.14),
                ("random forest", 0.5, 0.3),
                ("ridge", 0, 0.31),
                ("mean", 0, 0.4),
            )
        ),
        parity=(
            parity(
                pool,
                **shown,
                bars="90 % conformal interval",
                scores=(KeyNumber("0.90", "RMSE"), KeyNumber("0.66", "MAE"), KeyNumber("0.94", "R²")),
            ),
            parity(
                pool,
                task="gap",
                model="fine-tuned",
                smiles=smiles,
                measured=with_gap,
                unit="eV",
                predicted=with_gap + generator.normal(0, 0.2, count),
                part="valid",
            ),
        ),
        binary=(
            binary_curves(
                SOLUBLE.name,
                soluble,
                {name: score[name] for name in ("fine-tuned", "from scratch", "random forest")},
                roc_auc={"fine-tuned": interval(0.93, 0.03), "from scratch": interval(0.88, 0.05)},
            ),
        ),
        reliability=(reliability(SOLUBLE.name, "fine-tuned", found),),
        coverage=(
            coverage(
                ASSAY.name,
                "fine-tuned",
                levels,
                np.clip(levels + generator.normal(0.01, 0.02, 19), 0, 1),
                193,
                used=0.9,
                used_reached=0.912,
                mean_width=2.3,
                unit="kcal/mol",
                note="Calibrated on 64 validation molecules.",
            ),
        ),
        galleries=galleries,
        maps=(
            embedding_map(
                pool,
                "What the encoder sees",
                fingerprint,
                smiles,
                {
                    ASSAY.name: measured,
                    "part": generator.choice(["train", "valid", "test"], count, p=[0.6, 0.1, 0.3]),
                    "heavy atoms": size,
                    "gap": with_gap,
                },
                units={ASSAY.name: "kcal/mol", "gap": "eV"},
                method=method,
            ),
        ),
        predictions=(
            predictions(
                pool,
                "Molecules that no training saw",
                labels,
                list(UNSEEN.values()),
                unseen,
                low=unseen - np.array([1.6, np.nan]),
                high=unseen + np.array([1.9, np.nan]),
                names=list(UNSEEN),
                problems={7: "unclosed ring and unclosed branch"},
                similarity=np.linspace(0.3, 0.8, len(UNSEEN)),
                intervals="90 % conformal interval",
            ),
        ),
        reproduce=reproduce(
            commands={
                "This report": "hooke quickstart",
                "Predict your molecules": "hooke predict runs/pocketmix_assay new.csv -o out.parquet",
            },
            recipes={
                "pocketmix_assay": {
                    "name": "pocketmix_assay",
                    "seed": 0,
                    "data": {"name": "pocketmix", "part": "assay"},
                    "model": {"name": "gine", "preset": "small"},
                    "train": {"epochs": 60, "patience": None},
                }
            },
            run={
                "started": "2026-01-01T11:57:00+00:00",
                "peak_memory_mb": 611,
                "data_hash": "5e1f" * 16,
                "versions": {"python": "3.11.4", "torch": "2.13.0", "rdkit": "2026.9.1"},
                "machine": {"cores": 2},
            },
            citations=("freesolv", "gine", "gfn2_xtb", "conformal"),
        ),
        molecules=pool.molecules,
    )


if __name__ == "__main__":
    example(400, method="tsne").write(Path(sys.argv[1]))
