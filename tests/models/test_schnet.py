"""SchNet against a plain float64 computation, atom by atom, and its published size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from tests.models.conftest import require_plain

from hooke.atoms.spec import AtomsSpec
from hooke.modalities.atoms import MODALITY
from hooke.models import schnet


def ssp(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x) - np.log(2)


def reference(model: Any, config: schnet.Config, numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(outputs,) of one frame by loops over atoms."""
    w = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    rows = w["elements.weight"][numbers]
    centres = np.linspace(0, config.cutoff, config.basis)
    spacing = centres[1] - centres[0]
    for layer in range(config.depth):
        p = f"layers.{layer}."
        sent = rows @ w[p + "before.weight"].T
        heard = np.zeros((len(rows), config.filters))
        for i in range(len(rows)):
            for j in range(len(rows)):
                d = np.linalg.norm(positions[i] - positions[j])
                if i == j or d >= config.cutoff:
                    continue
                x = d / config.cutoff
                fade = 1 - 10 * x**3 + 15 * x**4 - 6 * x**5
                basis = np.exp(-((d - centres) ** 2) / (2 * spacing**2))
                hidden = ssp(w[p + "filter.0.weight"] @ basis + w[p + "filter.0.bias"])
                heard[i] += sent[j] * (w[p + "filter.2.weight"] @ hidden + w[p + "filter.2.bias"]) * fade
        hidden = ssp(heard @ w[p + "after.0.weight"].T + w[p + "after.0.bias"])
        rows = rows + hidden @ w[p + "after.2.weight"].T + w[p + "after.2.bias"]
    hidden = ssp(rows @ w["readout.0.weight"].T + w["readout.0.bias"])
    return (hidden @ w["readout.2.weight"].T + w["readout.2.bias"]).sum(axis=0)


def test_the_network_is_the_plain_computation() -> None:
    sample = MODALITY.sample()
    config = replace(schnet.PRESETS["tiny"], cutoff=2.2)
    torch.manual_seed(0)
    model = schnet.Model(config, sample.spec).double()
    model.basis.centres = torch.linspace(0, config.cutoff, config.basis, dtype=torch.float64)
    require_plain(model, config, reference, sample.batch(range(0, 24, 5), sample.spec))


def test_presets_have_the_published_sizes() -> None:
    sizes = {
        name: sum(each.numel() for each in schnet.Model(schnet.PRESETS[name], AtomsSpec()).parameters())
        for name in ("medium", "9m")
    }
    assert sizes == {"medium": 238_465, "9m": 9_088_513}
