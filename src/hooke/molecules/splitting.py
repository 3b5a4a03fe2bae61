"""Splitting a store's rows by the kind that a recipe names, and what leaks across the split.

Clusters of similar molecules, for splits that keep look-alikes together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rdkit.SimDivFilters import rdSimDivPickers

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import SplitSection
from hooke.evaluate import splits
from hooke.evaluate.splits import Split
from hooke.molecules.blocks import SPLIT_CODES
from hooke.molecules.descriptors import morgan_bits
from hooke.molecules.held_out import held_out
from hooke.molecules.scaffolds import murcko_scaffold
from hooke.molecules.store import MoleculeStore


def similarity_clusters(smiles: Sequence[str], *, threshold: float = 0.65) -> np.ndarray:
    """(N,) int64 cluster of each molecule, by sphere exclusion on Morgan fingerprints.

    Leaders are picked so that no two are nearer than `threshold` (Tanimoto distance); every molecule joins its nearest leader.

    Source: Roger Sayle's leader picker in RDKit (rdSimDivPickers.LeaderPicker).
    """
    from rdkit import DataStructs

    prints = morgan_bits(smiles)
    if not prints:
        return np.zeros(0, np.int64)
    leaders = list(rdSimDivPickers.LeaderPicker().LazyBitVectorPick(prints, len(prints), threshold))
    chosen = [prints[leader] for leader in leaders]
    return np.array([int(np.argmax(DataStructs.BulkTanimotoSimilarity(item, chosen))) for item in prints], np.int64)


KINDS = (
    "random", "scaffold", "scaffold_balanced", "cluster", "time", "held_out", "column", "published"
)  # fmt: skip


MEANINGS = {
    "random": "optimistic, since near relatives of the test molecules are trained on",
    "scaffold": "hard, test molecules have scaffolds that are not trained on, the rarest ones",
    "scaffold_balanced": "test molecules have scaffolds that are not trained on",
    "cluster": "test molecules are unlike those that are trained on",
    "time": "the newest molecules are tested on, as in a project",
    "held_out": "test scaffolds that never move, whatever the seed",
    "column": "as the column of the table says",
    "published": "as the data set states it",
}  # fmt: skip
TIME_COLUMN = "the column of dates or numbers that orders the rows"


def split_store(store: MoleculeStore, section: SplitSection) -> Split:
    """Rows of train, valid and test.

    Raises:
        UsageError: The store carries no split, or one that the recipe ignores, the time column is not there, or no such kind.
    """
    generator = np.random.default_rng(section.seed)
    kind, fractions = section.kind, section.fractions
    unsplit = store.metadata.get("unsplit")  # tables of a joined mixture without a split of their own
    if kind in ("column", "published") and unsplit:
        raise UsageError(
            f"these tables have no split of their own: {', '.join(unsplit)}; set data.tables.{unsplit[0]}.split, "
            "or data.split.kind=random for all molecules"
        )
    if unsplit is not None and kind not in ("column", "published") and store.split() is not None:
        raise UsageError(
            f"tables with splits of their own are not split by {kind} again: set data.split.kind=published, or leave out their split"
        )
    if kind in ("column", "published"):
        codes = store.split()
        if codes is None:
            raise UsageError(
                "the data carry no split of their own; choose data.split.kind=random, or name data.split_column"
            )
        return splits.column_split(codes)
    if kind == "held_out":
        codes = store.split()
        tested = held_out(store.smiles()) if codes is None else codes == SPLIT_CODES["test"]
        return splits.held_out_split(tested, generator=generator, fractions=fractions)
    if kind == "random":
        return splits.random_split(len(store), generator=generator, fractions=fractions)
    if kind == "time":
        return splits.time_split(_times(store, section.time_column), fractions=fractions)
    if kind == "cluster":
        from hooke.molecules.splitting import similarity_clusters

        return splits.scaffold_balanced_split(
            similarity_clusters(store.smiles()).tolist(), generator=generator, fractions=fractions
        )
    if kind not in ("scaffold", "scaffold_balanced"):
        raise UnknownNameError("kind of split of molecules", kind, KINDS)
    scaffolds = [murcko_scaffold(smiles) for smiles in store.smiles()]
    if kind == "scaffold":
        return splits.scaffold_split(scaffolds, fractions=fractions)
    return splits.scaffold_balanced_split(scaffolds, generator=generator, fractions=fractions)


def _times(store: MoleculeStore, column: str) -> np.ndarray:
    """(N,) float64 that order the rows: the table's column of times, or a label of this name.

    Raises:
        UsageError: No column is named, or it is not there.
    """
    if not column:
        raise UsageError(f"a time split needs data.split.time_column, {TIME_COLUMN}")
    times = store.times()
    if times is None or store.metadata["time"]["column"] != column:
        return store.graph_labels(names=[column])[0][:, 0].astype(np.float64)
    return times


def leak_report(store: MoleculeStore, split: Split, *, sample: int = 500) -> dict[str, Any]:
    """What test shares with train: equal structures, equal scaffolds, and the similarity of test molecules to train.

    Args:
        store: The molecules.
        split: Their split.
        sample: At most so many test molecules (and 20 times as many training molecules) are compared by similarity.
    """
    from hooke.molecules.descriptors import nearest_similarity

    train, test = store.smiles(split.train), store.smiles(split.test)
    if not test or not train:
        return {"test_molecules": len(test)}
    seen = set(train)
    scaffolds = {murcko_scaffold(smiles) for smiles in train[: 20 * sample]}
    some = test[:sample]
    similarity = nearest_similarity(some, train[: 20 * sample])
    return {
        "test_molecules": len(test),
        "equal_structures": sum(smiles in seen for smiles in test),
        "equal_scaffolds": sum(murcko_scaffold(smiles) in scaffolds for smiles in some),
        "compared": len(some),
        "similarity_median": round(float(np.median(similarity)), 3),
        "similarity_above_0.8": int((similarity > 0.8).sum()),
    }
