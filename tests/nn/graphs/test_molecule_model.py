from __future__ import annotations

import pytest
import torch

from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.models import gpse, grover
from hooke.nn.graphs.molecule_model import MoleculeModel


@pytest.mark.parametrize("module", [gpse, grover])
def test_an_embedding_is_a_row_a_molecule(module) -> None:
    model, batch = module.Model(module.PRESETS["tiny"]).eval(), batch_of(SMILES)
    assert model.modality == "molecules"
    assert model.embed(batch).shape == (len(SMILES), model.width)
    assert torch.equal(model.embed(batch), model(batch).graphs)


def test_a_model_has_a_forward() -> None:
    with pytest.raises(TypeError, match="abstract"):
        MoleculeModel()  # type: ignore[abstract]
