from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.images.samples import SPEC, image_batch, noise_for
from hooke.models import mae, vit
from hooke.nn.contract import built
from hooke.nn.images.network import Classified, ClassifierNetwork, ReconstructionNetwork, concatenated


def test_heads_on_the_embedding() -> None:
    batch = image_batch()
    network = ClassifierNetwork(built(vit, SPEC), {"perturbation": 5, "cell_type": 3}, dropout=0.5).double().eval()
    found = network(batch)
    assert {name: rows.shape for name, rows in found.logits.items()} == {"perturbation": (6, 5), "cell_type": (6, 3)}
    assert torch.equal(found.embedding, network.embed(batch))
    assert torch.equal(found.logits["cell_type"], network.heads["cell_type"](found.embedding))


def test_reconstruction_passes_on() -> None:
    batch, model = image_batch(), built(mae, SPEC)
    network, noise = ReconstructionNetwork(model), noise_for(model, batch)
    assert torch.equal(network(batch, noise, 0.5).prediction, model.reconstruct(batch, noise, 0.5).prediction)
    assert network(batch, noise, 0.5, whole=False).image is None
    with pytest.raises(UsageError, match="masked encoder"):
        ReconstructionNetwork(built(vit, SPEC))


def test_parts_come_back_in_order() -> None:
    rows = torch.arange(5.0)[:, None]
    parts = [Classified({"a": rows[[3, 0]]}, rows[[3, 0]]), Classified({"a": rows[[4, 1, 2]]}, rows[[4, 1, 2]])]
    found = concatenated(parts, torch.tensor([3, 0, 4, 1, 2]))
    assert torch.equal(found.logits["a"], rows)
    assert torch.equal(found.embedding, rows)
