"""Which true traits of the simulated cells an embedding holds: a look inside an encoder, for those who choose its parts.

    python bench/encoder_traits.py STORE WELLS.parquet [WELLS.parquet ...]

STORE is a simulated screen, each WELLS an output of `hooke embed ... STORE`. Wells are centred and scaled within their batch; a ridge learns the
true shift of every trait from five sixths of the perturbations and predicts the others. Printed: for each trait the correlation between the true
shift and the predicted one, meaned over the wells of a perturbation; hand-crafted features stand first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict

from hooke.cells.profiles import Profiles
from hooke.images.simulated.library import TRAITS
from hooke.images.store import ImageStore
from hooke.studies.quickstart_images import hand_crafted

PENALTIES, FOLDS = 10.0 ** np.arange(6), 6


def held(wells: Profiles, effects: dict[str, np.ndarray]) -> np.ndarray:
    """(traits,) correlations."""
    names = wells.column("perturbation")
    values, batches = wells.values.astype(np.float64), wells.column("batch")
    for batch in np.unique(batches):
        own = batches == batch
        values[own] = (values[own] - values[own].mean(0)) / (values[own].std(0) + 1e-6)
    truth = np.stack([effects[name] for name in names])
    kinds, groups = np.unique(names, return_inverse=True)
    predicted = cross_val_predict(RidgeCV(PENALTIES), values, truth, groups=groups, cv=GroupKFold(FOLDS))
    count = np.bincount(groups)[:, None]
    means = [
        np.stack([np.bincount(groups, column, len(kinds)) for column in table.T], 1) / count
        for table in (predicted, truth)
    ]
    return np.array([np.corrcoef(one, other)[0, 1] for one, other in zip(means[0].T, means[1].T, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("wells", type=Path, nargs="*")
    given = parser.parse_args()
    store = ImageStore.open(given.store)
    table = pl.read_parquet(given.store / "effects.parquet")
    effects = {row[0]: np.array(row[1:]) for row in table.select("perturbation", *TRAITS).iter_rows()}
    systems = {"hand-crafted": hand_crafted(store, None, True)} | {
        path.stem: Profiles.read(path) for path in given.wells
    }
    found = {name: held(wells, effects) for name, wells in systems.items()}
    print(f"{'':<22}" + "".join(f"{name:>18}" for name in found))
    for place, trait in enumerate(TRAITS):
        print(f"{trait:<22}" + "".join(f"{values[place]:>18.2f}" for values in found.values()))
    print(f"{'mean':<22}" + "".join(f"{values.mean():>18.2f}" for values in found.values()))


if __name__ == "__main__":
    main()
