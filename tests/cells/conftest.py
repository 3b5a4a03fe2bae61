"""Small screens as .h5ad files, and as parts."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from hooke.evaluate.ceilings import Parts

GENES = 40


def made_cells(
    seed: int = 0, *, perturbations: int = 4, cells: int = 30, controls: int = 40, effect: float = 1.0
) -> tuple[np.ndarray, dict[str, list[str]]]:
    """Log-normalised values (cells, 40) of two contexts with two batches each, and their obs; every perturbation shifts eight genes."""
    generator = np.random.default_rng(seed)
    names = [f"P{number}" for number in range(perturbations)] + ["P0+P1"]
    shifts = {
        name: np.where(np.arange(GENES) % len(names) == place, effect, 0.0) for place, name in enumerate(names[:-1])
    }
    shifts["P0+P1"] = shifts["P0"] + shifts["P1"]
    shifts["control"] = np.zeros(GENES)
    rows, obs = [], {"perturbation": [], "cell_type": [], "batch": []}
    base = generator.uniform(0.2, 1.5, GENES)
    for context in ("a", "b"):
        for batch in ("1", "2"):
            offset = generator.normal(0, 0.2, GENES)
            for name, shift in shifts.items():
                for _ in range(controls if name == "control" else cells):
                    rows.append(
                        np.maximum(base + offset + shift + generator.normal(0, 0.7, GENES), 0)
                        * (generator.random(GENES) < 0.6)
                    )
                    obs["perturbation"].append(name)
                    obs["cell_type"].append(context)
                    obs["batch"].append(batch)
    order = generator.permutation(len(rows))
    return np.array(rows)[order], {name: [values[place] for place in order] for name, values in obs.items()}


def write_cells(
    path: Path,
    values: np.ndarray,
    obs: dict[str, Any],
    *,
    layout: str = "csr",
    genes: list[str] | None = None,
    log1p: bool = True,
    dtype: str = "float64",
) -> Path:
    """An .h5ad file in one of the three layouts."""
    import anndata
    import pandas

    matrix = {"csr": scipy.sparse.csr_matrix, "csc": scipy.sparse.csc_matrix, "dense": np.asarray}[layout](
        values.astype(dtype)
    )
    names = genes or [f"G{number}" for number in range(values.shape[1])]
    frame = pandas.DataFrame(obs, index=[f"cell{row}" for row in range(len(values))])
    for column in frame.columns:
        if frame[column].dtype.kind not in "fib":
            frame[column] = frame[column].astype("category")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names that repeat are what some tests are about
        table = anndata.AnnData(X=matrix, obs=frame, var=pandas.DataFrame(index=pandas.Index(names)))
    if log1p:
        table.uns["log1p"] = {}
    table.write_h5ad(path)
    return path


def noise(
    seed: int, *, perturbations: int = 20, cells: int = 100, controls: int = 200, genes: int = 300, effect: float = 0.0
) -> Parts:
    """Independent normal cells of one batch; each perturbation has an effect of its own of this size."""
    generator = np.random.default_rng(seed)

    def dealt(groups: int, size: int, parts: int, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        values = generator.normal(size=(groups, size, genes)) + shift
        counts = np.bincount(np.arange(size) % parts, minlength=parts).astype(float)
        sums, squares = (
            np.stack([table[:, part::parts].sum(axis=1) for part in range(parts)], axis=1)
            for table in (values, values**2)
        )
        return sums, squares, np.tile(counts, (groups, 1))

    sums, squares, counts = dealt(perturbations, cells, 16, effect * generator.normal(size=(perturbations, 1, genes)))
    control_sums, control_squares, control_counts = dealt(1, controls, 64, np.zeros(genes))
    return Parts(
        sums, counts, control_sums, control_counts, counts[:, None], squares, control_squares, np.zeros(perturbations, int), np.zeros(1, int),
        np.ones((perturbations, genes), bool),
    )  # fmt: skip
