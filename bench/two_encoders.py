"""Which of two encoders carries more: a ridge regression on the vectors of each, on the fifteen tables of MoleculeACE with their own test rows.

    HOOKE_MIRROR=/data python bench/two_encoders.py FIRST SECOND

FIRST and SECOND are run folders or names. Vectors are standardised by the training rows; the penalty is the best by leave-one-out.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import polars as pl

import hooke

PENALTIES = 10.0 ** np.arange(-1, 5, 0.5)


def test_rmse(vectors: np.ndarray, values: np.ndarray, train: np.ndarray) -> float:
    """Of a ridge regression that is fitted to the training rows."""
    mean, spread = vectors[train].mean(0), vectors[train].std(0) + 1e-9
    scaled = (vectors - mean) / spread
    left, singular, right = np.linalg.svd(scaled[train], full_matrices=False)
    centre = values[train].mean()
    projected = left.T @ (values[train] - centre)

    def left_out(penalty: float) -> float:
        shrunk = singular**2 / (singular**2 + penalty)
        residual = values[train] - centre - left @ (shrunk * projected)
        return float(((residual / (1 - (left**2 * shrunk).sum(1) - 1 / len(residual))) ** 2).mean())

    penalty = min(PENALTIES, key=left_out)
    weights = right.T @ (singular / (singular**2 + penalty) * projected)
    return float(np.sqrt(((scaled[~train] @ weights + centre - values[~train]) ** 2).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first")
    parser.add_argument("second")
    given = parser.parse_args()
    encoders = [hooke.load(name, device="cpu") for name in (given.first, given.second)]
    ratios = []
    for path in sorted((Path(os.environ["HOOKE_MIRROR"]) / "moleculeace").glob("*.csv.gz")):
        table = pl.read_csv(path)
        smiles, values = table["smiles"].to_list(), table["y"].to_numpy().astype(float)
        train = (table["split"] == "train").to_numpy()
        errors = [test_rmse(encoder.embed(smiles).astype(float), values, train) for encoder in encoders]
        ratios.append(errors[1] / errors[0])
        print(f"{path.name.removesuffix('.csv.gz'):>16}: {errors[0]:.4f} {errors[1]:.4f}", flush=True)
    better = sum(ratio < 1 for ratio in ratios)
    print(
        f"second over first: geometric mean {np.exp(np.mean(np.log(ratios))):.3f}, better on {better} of {len(ratios)}"
    )


if __name__ == "__main__":
    main()
