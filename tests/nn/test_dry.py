"""Passes without numbers count what real ones need."""

from __future__ import annotations

import pytest
import torch

from hooke.core import registry
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.dry import dry_cost, dry_pass
from hooke.nn.flops import count_flops, kept_bytes
from hooke.testing.samples import ENCODINGS, SMILES, batch_of


@pytest.mark.parametrize("name", ["gcn", "gine", "mpnn", "gps", "gps_plus_plus", "graph_transformer", "dmpnn"])
def test_costs_are_those_of_a_real_pass(name: str) -> None:
    model, batch = registry.module("models", name), batch_of(SMILES, encodings=ENCODINGS)
    config = model.PRESETS["tiny"]
    if hasattr(config, "positions"):
        config = type(config)(**{**vars(config), "positions": False})
    with torch.device("meta"):
        dry = model.Model(config, MoleculeSpec(encodings=ENCODINGS))
    real = model.Model(config, MoleculeSpec(encodings=ENCODINGS))
    flops, kept = dry_cost(lambda: dry(batch), dry)
    assert flops == count_flops(lambda: real(batch))
    assert kept == kept_bytes(lambda: real(batch), real, without_attention=False)
    assert dry_pass(lambda: dry(batch)).graphs.shape == real(batch).graphs.shape


def test_masks_choose_what_they_choose() -> None:
    rows = torch.empty(5, 2, device="meta")
    mask = torch.tensor([True, False, True, True, False])
    assert dry_pass(lambda: rows[mask]).shape == (3, 2)
