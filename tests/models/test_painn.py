"""PaiNN against a plain float64 computation, atom by atom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from tests.models.conftest import require_plain

from hooke.modalities.atoms import MODALITY
from hooke.models import painn


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def reference(model: Any, config: painn.Config, numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(outputs,) of one frame by loops over atoms."""
    w = {name: value.detach().numpy() for name, value in model.state_dict().items()}

    def mlp(name: str, rows: np.ndarray) -> np.ndarray:
        hidden = silu(rows @ w[f"{name}.0.weight"].T + w[f"{name}.0.bias"])
        return hidden @ w[f"{name}.2.weight"].T + w[f"{name}.2.bias"]

    width = config.width
    s, v = w["elements.weight"][numbers], np.zeros((len(numbers), 3, width))
    for layer in range(config.depth):
        p = f"messages.{layer}."
        sent = mlp(p + "inner", s)
        ds, dv = np.zeros_like(s), np.zeros_like(v)
        for i in range(len(s)):
            for j in range(len(s)):
                r = positions[j] - positions[i]
                d = np.linalg.norm(r)
                if i == j or d >= config.cutoff:
                    continue
                x = d / config.cutoff
                fade = 1 - 10 * x**3 + 15 * x**4 - 6 * x**5
                basis = np.sin(np.arange(1, config.basis + 1) * np.pi * x) / d
                a, b, c = np.split(sent[j] * (w[p + "filter.weight"] @ basis + w[p + "filter.bias"]) * fade, 3)
                ds[i] += a
                dv[i] += b * v[j] + c * (r / d)[:, None]
        s, v = s + ds, v + dv
        p = f"updates.{layer}."
        u, second = np.split(v @ w[p + "mix.weight"].T, 2, axis=2)
        norm = np.sqrt((second**2).sum(axis=1) + 1e-8)
        a, b, c = np.split(mlp(p + "inner", np.concatenate([s, norm], axis=1)), 3, axis=1)
        s, v = s + a + b * (u * second).sum(axis=1), v + c[:, None] * u
    return mlp("readout", s).sum(axis=0)


def test_the_network_is_the_plain_computation() -> None:
    sample = MODALITY.sample()
    config = replace(painn.PRESETS["tiny"], cutoff=2.2)
    torch.manual_seed(0)
    model = painn.Model(config, sample.spec).double()
    model.basis.waves = torch.arange(1, config.basis + 1, dtype=torch.float64) * (np.pi / config.cutoff)
    require_plain(model, config, reference, sample.batch(range(0, 24, 5), sample.spec))


def test_the_size_of_the_published_network() -> None:
    spec = MODALITY.sample().spec
    plain = spec.with_labels(spec.energies)
    model = painn.Model(painn.PRESETS["paper"], plain)
    assert sum(each.numel() for each in model.parameters()) == 589_057
