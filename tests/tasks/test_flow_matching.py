"""The loss of the exact field, and where paths begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from hooke.atoms.conformers.batch import ConformerBatch
from hooke.core.errors import UsageError
from hooke.modalities import modality
from hooke.tasks.flow_matching import Config, Task


def batch() -> ConformerBatch:
    sample = modality("conformers").sample()
    found: ConformerBatch = sample.batch(range(sample.items), sample.spec)
    return found


class Exact(nn.Module):
    """(x₁ - x_t) / (1 - t), which is u_t where σ = 0."""

    def __init__(self, goal: torch.Tensor) -> None:
        super().__init__()
        self.goal = goal

    def forward(self, there: ConformerBatch) -> torch.Tensor:
        return (self.goal - there.positions) / (1 - there.time)[there.frame][:, None]


@pytest.mark.parametrize(
    "config",
    [Config(sigma=0.0), Config(sigma=0.0, prior="gaussian", align=False), Config(sigma=0.0, times="logit_normal")],
)
def test_the_exact_field_has_no_loss_without_noise(config: Config) -> None:
    molecules = batch()
    loss = Task(config, None).losses(Exact(molecules.positions), molecules, 0, torch.Generator().manual_seed(0))["loss"]
    assert float(loss) < 1e-9
    noisy = Task(replace(config, sigma=0.1), None).losses(
        Exact(molecules.positions), molecules, 0, torch.Generator().manual_seed(0)
    )["loss"]
    assert float(noisy) > 0.05


def test_the_loss_is_the_mean_of_norms_over_atoms_then_over_molecules() -> None:
    molecules = batch()

    class Off(Exact):
        def forward(self, there: ConformerBatch) -> torch.Tensor:
            return super().forward(there) + torch.tensor([3.0, 0.0, 4.0]) * (there.frame == 0)[:, None]

    loss = Task(Config(sigma=0.0), None).losses(
        Off(molecules.positions), molecules, 0, torch.Generator().manual_seed(0)
    )["loss"]
    assert float(loss) == pytest.approx(5 / molecules.num_items)


def test_alignment_shortens_the_way() -> None:
    molecules = batch()

    class Nothing(nn.Module):
        def forward(self, there: ConformerBatch) -> torch.Tensor:
            return torch.zeros_like(there.positions)

    def loss(align: bool, seed: int) -> float:
        generator = torch.Generator().manual_seed(seed)
        return float(Task(Config(sigma=0.0, align=align), None).losses(Nothing(), molecules, 0, generator)["loss"])

    losses = [np.mean([loss(align, seed) for seed in range(20)]) for align in (True, False)]
    assert losses[0] < losses[1]


def test_embedded_conformers_are_asked_for_and_used() -> None:
    molecules = batch()
    for prior in ("etkdg", "mixed"):
        with pytest.raises(UsageError, match=r"set conformers\.starts"):
            Task(Config(prior=prior), None).losses(
                Exact(molecules.positions), molecules, 0, torch.Generator().manual_seed(0)
            )  # type: ignore[arg-type]
    same = replace(molecules, starts=molecules.positions[None])

    class Nothing(nn.Module):
        def forward(self, there: ConformerBatch) -> torch.Tensor:
            return torch.zeros_like(there.positions)

    losses = {
        prior: float(
            Task(Config(prior=prior, sigma=0.0), None).losses(Nothing(), same, 0, torch.Generator().manual_seed(1))[
                "loss"
            ]
        )  # type: ignore[arg-type]
        for prior in ("harmonic", "etkdg", "mixed")
    }
    assert losses["etkdg"] < 1e-9 < losses["mixed"] < losses["harmonic"]
    with pytest.raises(ValueError, match="sigma"):
        Config(sigma=-1.0)
