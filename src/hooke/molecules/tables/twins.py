"""Offline twins: small tables of real molecules with labels computed from their structure, for tests without a network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import Crippen

from hooke.core.label import Label

_CORES = (
    "c1ccccc1",
    "C1CCCCC1",
    "c1ccncc1",
    "C1CCNCC1",
    "c1ccsc1",
    "c1ccoc1",
    "C1COCCN1",
    "C",
    "CC",
    "CCC",
    "c1ccc2ccccc2c1",
)
_GROUPS = ("O", "N", "C", "CC", "F", "Cl", "C(=O)O", "C(=O)N", "OC", "C#N", "C(F)(F)F", "S(=O)(=O)N", "N(C)C", "Br")


def twin_smiles(count: int, *, seed: int) -> list[str]:
    """`count` different small molecules: a core with one or two groups, canonical, in an order drawn from the seed."""
    found: dict[str, None] = {}
    for core in _CORES:
        for first in _GROUPS:
            for second in ("", *_GROUPS):
                text = f"{core}{first}" if not second else f"{second}{core}{first}"
                with rdBase.BlockLogs():
                    molecule = Chem.MolFromSmiles(text)
                if molecule is not None:
                    found[Chem.MolToSmiles(molecule)] = None
    names = sorted(found)
    order = np.random.default_rng(seed).permutation(len(names))
    if count > len(names):
        raise ValueError(f"there are {len(names)} twin molecules, not {count}")
    return [names[place] for place in order[:count]]


def twin_value(smiles: str, label: Label, generator: np.random.Generator) -> float:
    """A label computed from the structure (Crippen log P plus a little noise), of the label's kind."""
    value = _log_p(smiles) + 0.1 * generator.normal()
    if label.kind == "regression":
        return round(float(value), 4)
    if label.kind == "binary":
        return float(value > 1.2)
    return float(min(label.classes - 1, max(0, int(value + 1))))


@lru_cache(maxsize=1000)
def _log_p(smiles: str) -> float:
    return float(Crippen.MolLogP(Chem.MolFromSmiles(smiles)))  # type: ignore[attr-defined]


def write_twin_table(
    path: Path,
    *,
    seed: int,
    rows: int,
    labels: Sequence[Label] = (Label("log_p"), Label("lipophilic", kind="binary")),
    smiles_column: str = "smiles",
    missing: float = 0.1,
) -> Path:
    """Write a CSV of twin molecules with the given labels, some of them missing."""
    generator = np.random.default_rng(seed)
    lines = [",".join([smiles_column, *(label.name for label in labels)])]
    for smiles in twin_smiles(rows, seed=seed):
        cells = [
            "" if generator.random() < missing else f"{twin_value(smiles, label, generator):g}" for label in labels
        ]
        lines.append(",".join([smiles, *cells]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path
