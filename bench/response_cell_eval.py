"""Metrics of responses beside cell-eval on the K562 part of a real screen: CPU time in turns, and where definitions agree.

    python bench/response_cell_eval.py SCREEN --peer PYTHON      # PYTHON of an environment with cell-eval

The prediction is half of each cell plus half of the mean perturbed profile, with the real controls, so that both read the same controls. Here
there are no halves: truth and reference are means of all controls, as cell-eval takes them. Both start from cells in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.sparse

SHARED = (
    "pearson_delta",
    "mse",
    "mae",
    "discrimination_score_l1",
    "discrimination_score_l2",
    "discrimination_score_cosine",
)
_PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
from importlib.metadata import version
import anndata
from cell_eval import MetricsEvaluator
real, predicted, outdir = sys.argv[1:4]
evaluator = MetricsEvaluator(adata_pred=anndata.read_h5ad(predicted), adata_real=anndata.read_h5ad(real), control_pert="control",
                             pert_col="perturbation", num_threads=1, outdir=outdir, skip_de=True)
began = time.process_time()
found, _ = evaluator.compute(profile="anndata", write_csv=False,
                             skip_metrics=["mse_delta", "mae_delta", "pearson_edistance", "clustering_agreement"])
seconds = time.process_time() - began
print("RESULT" + json.dumps({"seconds": seconds, "version": version("cell-eval"), "table": found.to_dict(as_series=False)}))
"""


def write_pair(screen: Path, folder: Path) -> None:
    """The K562 cells, and the prediction."""
    import anndata

    table = anndata.read_h5ad(screen)
    table = table[table.obs["cell_type"] == "k562"].copy()
    obs = table.obs[["perturbation"]].astype(str)
    real = anndata.AnnData(X=table.X.astype("float32"), obs=obs, var=table.var[[]].copy())
    real.write_h5ad(folder / "real.h5ad")
    values, names = real.X.toarray(), obs["perturbation"].to_numpy()
    perturbed = names != "control"
    values[perturbed] = 0.5 * values[perturbed] + 0.5 * values[perturbed].mean(axis=0)
    anndata.AnnData(X=values, obs=obs, var=real.var).write_h5ad(folder / "predicted.h5ad")


def peer(python: Path, folder: Path) -> dict[str, object]:
    """One run of cell-eval."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    command = [str(python), "-c", _PEER, str(folder / "real.h5ad"), str(folder / "predicted.h5ad"), str(folder / "out")]
    text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return json.loads(text.rpartition("RESULT")[2])


def ours(folder: Path) -> tuple[float, list[str], dict[str, np.ndarray]]:
    """CPU seconds, names of perturbations, and values."""
    import anndata

    from hooke.evaluate.response import Target, mae, mse, pearson_delta, rank_of_own

    tables = [anndata.read_h5ad(folder / f"{name}.h5ad") for name in ("real", "predicted")]
    began = time.process_time()
    names, codes = np.unique(tables[0].obs["perturbation"].to_numpy().astype(str), return_inverse=True)
    counts = np.bincount(codes)
    members = scipy.sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    means = []
    for table in tables:
        sums = members @ table.X
        sums = sums.toarray() if scipy.sparse.issparse(sums) else np.asarray(sums)
        means.append(sums / counts[:, None])
    own = names != "control"
    control = np.tile(means[0][~own], (int(own.sum()), 1))
    truth, predicted = (mean[own] for mean in means)
    every = np.ones(truth.shape, bool)
    target = Target(truth, control, control, every, np.zeros(truth.shape), np.zeros(truth.shape, bool))
    values = {
        "pearson_delta": pearson_delta(predicted, target),
        "mse": mse(predicted, target),
        "mae": mae(predicted, target),
    }
    for kind in ("l1", "l2", "cosine"):
        values[f"discrimination_score_{kind}"] = rank_of_own(predicted - control, truth - control, kind)
    return time.process_time() - began, names[own].tolist(), values


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("screen", type=Path)
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    from hooke.version import __version__

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pair(given.screen, folder)
        mine, theirs = [], []
        for _ in range(given.rounds):
            seconds, names, values = ours(folder)
            found = peer(given.peer, folder)
            mine.append(seconds)
            theirs.append(float(str(found["seconds"])))
        print(f"Hooke {__version__}, cell-eval {found['version']}, Python {sys.version.split()[0]}")
        print(f"{len(names)} perturbations, {given.rounds} rounds")
        ratios = [other / own for own, other in zip(mine, theirs, strict=True)]
        print(
            f"CPU s: Hooke {np.median(mine):.3f}, cell-eval {np.median(theirs):.3f}; ratio {min(ratios):.1f} to {max(ratios):.1f}"
        )
        table = found["table"]
        assert isinstance(table, dict)
        place = [table["perturbation"].index(each) for each in names]
        for metric in SHARED:
            other = np.array([table[metric][row] for row in place], float)
            own = values[metric]
            note = ""
            if metric.startswith("discrimination"):
                note = f"; (own * (N - 1) + 1) / N: {np.abs((own * (len(own) - 1) + 1) / len(own) - other).max():.1e}"
            print(
                f"  {metric:28s} means {own.mean():.4f} {other.mean():.4f}; largest difference {np.abs(own - other).max():.1e}{note}"
            )


if __name__ == "__main__":
    main()
