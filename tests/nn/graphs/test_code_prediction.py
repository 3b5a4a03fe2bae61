"""Hidden and changed codes, and their losses, by hand."""

from __future__ import annotations

import math

import torch

from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.models import gine, mpnn
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import built
from hooke.nn.graphs.code_prediction import (
    ATOM_SIZES,
    BOND_SIZES,
    bond_codes,
    changed,
    code_heads,
    code_losses,
    drawn,
    hide,
    with_codes,
)


def test_hidden_codes_are_unknown_in_both_directions() -> None:
    batch = batch_of(["C=CO"])
    found = hide(batch, torch.tensor([True, False, False]), torch.tensor([True, False]))
    assert found.atom_codes[0].tolist() == [size - 1 for size in ATOM_SIZES]
    assert torch.equal(found.atom_codes[1:], batch.atom_codes[1:])
    mine = batch.edge_bond == 0
    assert (found.edge_codes[mine] == torch.tensor([size - 1 for size in BOND_SIZES])).all()
    assert torch.equal(found.edge_codes[~mine], batch.edge_codes[~mine])
    same = with_codes(batch, batch.atom_codes, bond_codes(batch))
    assert torch.equal(same.edge_codes, batch.edge_codes)


def test_nothing_of_what_is_hidden_is_left() -> None:
    model = built(gine, MoleculeSpec())
    rows = []
    for smiles in ("CCO", "N=NF"):
        batch = batch_of([smiles])
        hidden = hide(batch, torch.ones(3, dtype=torch.bool), torch.ones(2, dtype=torch.bool))
        rows.append(model(hidden).nodes)
    assert torch.equal(*rows)


def test_changed_codes() -> None:
    generator = torch.Generator().manual_seed(0)
    codes = batch_of(SMILES).atom_codes
    draws = torch.rand(50 * len(codes), 2 * len(ATOM_SIZES), generator=generator)
    assert torch.equal(changed(codes, ATOM_SIZES, 0.0, draws[: len(codes)]), codes)
    found = changed(codes.repeat(50, 1), ATOM_SIZES, 1.0, draws)
    assert (found >= 0).all()
    assert (found < torch.tensor(ATOM_SIZES) - 1).all()  # never the out-of-vocabulary code
    assert len(found[:, 0].unique()) > 100
    assert found[:, 6].double().mean() - 0.5 < 0.05
    many = batch_of(SMILES * 10)
    assert abs(drawn(many, "nodes", 0.3, generator).double().mean() - 0.3) < 0.05
    assert len(drawn(many, "bonds", 0.3, generator)) == many.num_bonds


def test_losses_by_hand() -> None:
    sizes = (2, 3)
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0], [math.log(3), 0.0, 0.0, math.log(2), 0.0]])
    found = code_losses(logits, torch.tensor([[0, 2], [0, 1]]), sizes)
    expected = [(math.log(2) + math.log(3)) / 2, (-math.log(3 / 4) - math.log(2 / 4)) / 2]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_heads_fit_the_codes() -> None:
    batch, model = batch_of(SMILES), mpnn.Model(mpnn.PRESETS["tiny"])
    heads, output = code_heads(model), model(batch)
    assert heads["atoms"](output, batch).shape == (batch.num_nodes, sum(ATOM_SIZES))
    assert heads["bonds"](output, batch).shape == (batch.num_bonds, sum(BOND_SIZES))
