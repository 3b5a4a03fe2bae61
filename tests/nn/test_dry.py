"""Passes without numbers count what real ones need."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from hooke.core import registry
from hooke.modalities.molecules.samples import ENCODINGS, SMILES, batch_of
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.dry import dry_cost, dry_pass
from hooke.nn.flops import count_flops, kept_bytes


@pytest.mark.parametrize("name", ["gcn", "gine", "mpnn", "gps", "gps_plus_plus", "graph_transformer", "dmpnn"])
def test_costs_are_those_of_a_real_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the sharing of D-MPNN's edges, which a CPU's numbers allow and an accelerator does not use."""
    monkeypatch.setattr("hooke.nn.graphs.environments.applies", lambda nodes, bonds: False)
    model, batch = registry.module("models", name), batch_of(SMILES, encodings=ENCODINGS)
    config = model.PRESETS["tiny"]
    if hasattr(config, "positions"):
        config = type(config)(**{**vars(config), "positions": False})
    with torch.device("meta"):
        dry = model.Model(config, MoleculeSpec(encodings=ENCODINGS))
    real = model.Model(config, MoleculeSpec(encodings=ENCODINGS))
    flops, _ = dry_cost(lambda: dry(batch), dry)
    kept = dry_pass(lambda: kept_bytes(lambda: dry(batch), dry))
    assert flops == count_flops(lambda: real(batch))
    assert kept == kept_bytes(lambda: real(batch), real)
    assert dry_pass(lambda: dry(batch)).graphs.shape == real(batch).graphs.shape


def test_masks_choose_what_they_choose() -> None:
    rows = torch.empty(5, 2, device="meta")
    mask = torch.tensor([True, False, True, True, False])
    assert dry_pass(lambda: rows[mask]).shape == (3, 2)


def test_attention_keeps_no_weights() -> None:
    query, key = (torch.empty(2, 4, 96, 16, device="meta", requires_grad=True) for _ in range(2))
    bias = torch.empty(2, 1, 96, 96, device="meta")
    weightless = nn.Module()

    def call(mask: torch.Tensor | None) -> torch.Tensor:
        return functional.scaled_dot_product_attention(query, key, query, attn_mask=mask)

    flops, kept = dry_cost(lambda: call(None), weightless)
    assert flops == count_flops(lambda: call(None)) == 2 * 2 * 2 * 4 * 96 * 96 * 16
    arrays, sums = 3 * query.numel(), 2 * 4 * 96  # query, key and result; the logarithm of each row's normalisation
    assert kept == pytest.approx(4 * (arrays + sums), abs=32)
    assert dry_cost(lambda: call(bias), weightless)[1] == kept + 4 * bias.numel()
    assert kept_bytes(lambda: call(None), weightless) > 4 * 2 * 4 * 96 * 96 > kept
