"""The changes are what their names say."""

from __future__ import annotations

import numpy as np
import torch

from hooke.atoms.spec import ATOM
from hooke.modalities.atoms import MODALITY
from hooke.modalities.atoms.symmetries import SYMMETRIES


def test_distances_stay_and_chirality_turns_by_reflections_alone() -> None:
    sample = MODALITY.sample()
    batch = sample.batch(range(4), sample.spec)

    def volume(positions: torch.Tensor) -> float:
        return float(torch.linalg.det(positions[1:4] - positions[0]))

    ethane = sample.batch([18], sample.spec)
    for symmetry in SYMMETRIES:
        changed, follow = symmetry.change(batch, np.random.default_rng(0))
        assert torch.equal(changed.frame, batch.frame)
        forces = follow(ATOM, batch.targets[ATOM])
        assert forces is not None
        assert torch.equal(forces, changed.targets[ATOM])
        before, after = (torch.cdist(each.positions[:3], each.positions[:3]).sum() for each in (batch, changed))
        assert torch.allclose(before, after)
        turned = volume(symmetry.change(ethane, np.random.default_rng(0))[0].positions) / volume(ethane.positions)
        if "order" not in symmetry.name:
            assert round(turned, 6) == (-1 if "reflection" in symmetry.name else 1)
