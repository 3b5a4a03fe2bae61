"""The equivariant transformer against a plain float64 computation, atom by atom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.models.conftest import require_plain

from hooke.core.errors import UsageError
from hooke.modalities.atoms import MODALITY
from hooke.models import torchmd_et


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def reference(model: Any, config: torchmd_et.Config, numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(outputs,) of one frame by loops over atoms, their neighbours and heads."""
    w = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    atoms, width, size = len(numbers), config.width, config.width // config.heads

    def linear(name: str, rows: np.ndarray) -> np.ndarray:
        return rows @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)

    def normed(name: str, rows: np.ndarray) -> np.ndarray:
        apart = rows - rows.mean(axis=-1, keepdims=True)
        spread = np.sqrt((apart**2).mean(axis=-1, keepdims=True) + 1e-5)
        return apart / spread * w[f"{name}.weight"] + w[f"{name}.bias"]

    def distance(i: int, j: int) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Distance, cutoff, basis times cutoff, and direction from i to j."""
        r = positions[j] - positions[i]
        d = float(np.linalg.norm(r))
        x = d / config.cutoff
        fade = 1 - 10 * x**3 + 15 * x**4 - 6 * x**5 if x < 1 else 0.0
        basis = np.exp(-w["basis.widths"] * (np.exp(-5 * x) - w["basis.centres"]) ** 2)
        return d, fade, basis * fade, r / d if d else r

    own = w["elements.weight"][numbers]
    around = np.zeros_like(own)
    for i in range(atoms):
        for j in range(atoms):
            _, fade, basis, _ = distance(i, j)
            if i != j:
                around[i] += w["neighbours.elements.weight"][numbers[j]] * linear("neighbours.filter", basis) * fade
    x = linear("neighbours.mix", np.concatenate([own, around], axis=1))
    v = np.zeros((atoms, 3, width))
    for layer in range(config.depth):
        p, first, last = f"layers.{layer}.", layer == 0, layer == config.depth - 1
        rows = normed(p + "norm", x)
        q, k, value = (linear(p + name, rows) for name in ("query", "key", "value"))
        y, dv = np.zeros_like(x), np.zeros_like(v)
        for i in range(atoms):
            for j in range(atoms):
                d, fade, basis, direction = distance(i, j)
                if d >= config.cutoff:
                    continue
                by_key = silu(linear(p + "key_filter", basis))
                message = value[j] * silu(linear(p + "value_filter", basis)) * fade
                for head in range(config.heads):
                    part = slice(head * size, (head + 1) * size)
                    y[i, part] += silu(np.sum(q[i, part] * k[j, part] * by_key[part])) * message[part]
                if not last:
                    dv[i] += message[None, width : 2 * width] * direction[:, None]
                if not first and not last:
                    dv[i] += message[None, 2 * width :] * v[j]
        out = np.split(linear(p + "out", y), len(w[p + "out.bias"]) // width, axis=1)
        x = x + out[0]
        if not first:
            mixed = np.split(linear(p + "mix", v), 2 if last else 3, axis=2)
            x = x + out[1] * (mixed[0] * mixed[1]).sum(axis=1)
            dv = dv if last else dv + out[2][:, None] * mixed[2]
        v = v + dv
    hidden = silu(linear("readout.0", normed("norm", x)))
    return linear("readout.2", hidden).sum(axis=0)


def test_the_network_is_the_plain_computation() -> None:
    sample = MODALITY.sample()
    config = replace(torchmd_et.PRESETS["tiny"], cutoff=2.2, depth=3)
    torch.manual_seed(0)
    model = torchmd_et.Model(config, sample.spec).double()
    with torch.no_grad():  # biases begin at 0, norms at 1: no test of them
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    require_plain(model, config, reference, sample.batch(range(0, 24, 7), sample.spec))


def test_a_width_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(UsageError, match="a width of 16 cannot be shared among 3 heads"):
        torchmd_et.Model(replace(torchmd_et.PRESETS["tiny"], heads=3), MODALITY.sample().spec)


def test_the_size_of_the_published_network() -> None:
    spec = MODALITY.sample().spec
    model = torchmd_et.Model(torchmd_et.PRESETS["paper"], spec.with_labels(spec.energies))
    assert (model.width, len(model.layers), model.layers[0].heads, model.basis.number) == (256, 8, 8, 64)
    assert model.cutoff == 5.0
