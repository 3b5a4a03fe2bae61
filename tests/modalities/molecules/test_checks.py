from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hooke.core.label import Label
from hooke.datasets import pocketmix
from hooke.modalities.molecules.checks import CHECKS, item_keys, labelled, sorted_edges
from hooke.modalities.molecules.samples import LABELS, SMILES, batch_of
from hooke.molecules.batch import MoleculeBatch
from hooke.nn.contract import ContractError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batch: {"edge_index": batch.edge_index.flip(1)}, "sorted"),
        (lambda batch: {"edge_reverse": batch.edge_reverse.roll(1)}, "swap"),
        (lambda batch: {"edge_bond": torch.arange(len(batch.edge_bond))}, "another bond"),
        (lambda batch: {"edge_codes": torch.arange(len(batch.edge_bond))[:, None].expand(-1, 4)}, "other codes"),
        (lambda batch: {"node_graph": torch.arange(batch.num_nodes)}, "joins two"),
        (lambda batch: {"node_offsets": batch.node_offsets.flip(0)}, "offsets"),
        (lambda batch: {"targets": {"node": torch.zeros(3, 1)}}, "3 rows of node targets"),
    ],
)
def test_broken_batches_are_found(change: Callable, message: str) -> None:
    batch = batch_of(SMILES)
    sorted_edges(batch)
    with pytest.raises(ContractError, match=message):
        sorted_edges(replace(batch, **change(batch)))


class Keyed(MoleculeBatch):
    """Keys of its things are wrong in one way."""

    fault = ""

    def item_keys(self, axis):
        rows, places = super().item_keys(axis)
        if self.fault == "rows" and axis == "pairs":
            return rows.flip(0), places
        if self.fault == "no places" and axis == "bonds":
            return rows, None
        if self.fault == "one place" and axis == "nodes":
            return rows, places * 0
        return rows, places


@pytest.mark.parametrize(
    ("fault", "message"),
    [("", ""), ("rows", "pairs of other rows"), ("no places", "places of bonds"), ("one place", "two nodes have one")],
)
def test_keys_of_items(fault: str, message: str) -> None:
    keyed = type("Keyed", (Keyed,), {"fault": fault})(**vars(batch_of(SMILES, labels=LABELS)))
    if not message:
        item_keys(keyed)
        return
    with pytest.raises(ContractError, match=message):
        item_keys(keyed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, ""),
        ({"labels": ()}, "no labels"),
        ({"labels": (Label("a"),)}, "columns for 1 labels"),
        ({"targets": {}}, "no edge targets"),
        ({"targets": np.nan}, "no edge label of the twin is measured"),
        ({"targets": 7.0, "kind": "binary"}, "values that are no classes"),
        ({"smiles": []}, "keep its SMILES"),
    ],
)
def test_stores(tmp_path: Path, change: dict, message: str) -> None:
    store = pocketmix.Dataset(pocketmix.Config(part="all")).twin(tmp_path)

    def read(rows: np.ndarray):
        molecules = store.read(rows)
        targets = change.get("targets", molecules.targets)
        if isinstance(targets, float):
            targets = {level: np.full_like(values, targets) for level, values in molecules.targets.items()}
        return replace(molecules, targets=targets)

    labels = change.get("labels", tuple(replace(label, kind=change.get("kind", label.kind)) for label in store.labels))
    smiles = store.smiles if "smiles" not in change else lambda rows: change["smiles"]

    class Changed(SimpleNamespace):
        def __len__(self) -> int:
            return len(store)

    changed = Changed(labels=labels, read=read, smiles=smiles)
    if not message:
        labelled(changed)
        return
    with pytest.raises(ContractError, match=message):
        labelled(changed)


def test_what_is_checked() -> None:
    assert [*CHECKS.models, *CHECKS.tasks, *CHECKS.stores, *CHECKS.batches] == [
        "widths", "statistics_are_saved", "labelled", "sorted_edges", "item_keys",
    ]  # fmt: skip
