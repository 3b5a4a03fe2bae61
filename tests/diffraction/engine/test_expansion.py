from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.diffraction.engine.expansion import Expansion
from hooke.diffraction.rotations import in_plane_rotations, rotation_matrices, sample_rotations

SIDE = 13


def points(count: int = 40, seed: int = 0) -> np.ndarray:
    q = np.random.default_rng(seed).uniform(-1, 1, (count, 3))
    return q / np.linalg.norm(q, axis=1, keepdims=True) * np.linspace(0.3, SIDE // 2 - 0.1, count)[:, None]


def whole(expansion: Expansion, volumes: torch.Tensor) -> torch.Tensor:
    stacked = expansion.stacked(volumes)
    return torch.cat([expansion.expand(stacked, chunk) for chunk in expansion.chunks()], 1)


def plain(volume: np.ndarray, q: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Trilinear interpolation, one point after the other."""
    found = []
    for place in q @ matrix.T + SIDE // 2:
        low = np.floor(place).astype(int)
        share, value = place - low, 0.0
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod([s if c else 1 - s for s, c in zip(share, corner, strict=True)])
            if weight > 0:
                value += weight * volume[tuple(low + corner)]
        found.append(value)
    return np.array(found)


@pytest.mark.parametrize("models", [1, 2])
@pytest.mark.parametrize("keep", [0, 1 << 30])
def test_it_reads_what_a_plain_loop_reads(models: int, keep: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooke.diffraction.engine.expansion._CHUNK_POINTS", 400)
    rotations, q = sample_rotations(2), points()
    volumes = torch.rand(models, SIDE, SIDE, SIDE, dtype=torch.float64)
    expansion = Expansion(q, rotations, SIDE, models=models, dtype=torch.float64, keep=keep)
    table = whole(expansion, volumes)
    matrices = rotation_matrices(rotations.quaternions)
    rotation, model = expansion.which(np.arange(expansion.columns))
    assert len(list(expansion.chunks())) > 1
    for column in range(0, expansion.columns, 29):
        expected = plain(volumes[model[column]].numpy(), q, matrices[rotation[column]])
        np.testing.assert_allclose(table[:, column], expected, atol=1e-12)
    assert float(expansion.log_weights().exp().sum()) == pytest.approx(1, abs=1e-12)
    counts = np.unique(rotation * models + model, return_counts=True)[1]
    assert counts.tolist() == [1] * (models * len(rotations))


@pytest.mark.parametrize("rotations", [sample_rotations(2), in_plane_rotations(7)], ids=["600-cell", "in the plane"])
def test_merging_is_the_exact_adjoint(rotations: object) -> None:
    expansion = Expansion(points(), rotations, SIDE, models=2, dtype=torch.float64)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    volumes = torch.rand(2, SIDE, SIDE, SIDE, dtype=torch.float64, generator=generator)
    y, z = (
        torch.rand(len(points()), expansion.columns, dtype=torch.float64, generator=generator) - 0.5 for _ in range(2)
    )
    table = whole(expansion, volumes)
    merged = sum(expansion.merge(y[:, chunk], chunk) for chunk in expansion.chunks())
    left, right = (table * y).sum(), (volumes.reshape(2, -1) * merged).sum()
    assert abs(left - right) / abs(left) < 1e-10
    pairs = [expansion.merge_two(y[:, chunk], z[:, chunk], chunk) for chunk in expansion.chunks()]
    torch.testing.assert_close(sum(first for first, _ in pairs), merged, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(
        sum(second for _, second in pairs),
        sum(expansion.merge(z[:, chunk], chunk) for chunk in expansion.chunks()),
        atol=1e-12,
        rtol=1e-12,
    )


def test_merging_what_was_expanded_gives_back_a_constant() -> None:
    expansion = Expansion(points(), sample_rotations(2), SIDE, dtype=torch.float64)
    (chunk,) = expansion.chunks()
    ones = torch.ones(1, SIDE, SIDE, SIDE, dtype=torch.float64)
    table = expansion.expand(expansion.stacked(3 * ones), chunk)
    merged, exposure = expansion.merge_two(table, torch.ones_like(table), chunk)
    seen = exposure > 1e-9
    torch.testing.assert_close((merged / exposure)[seen], torch.full_like(merged[seen], 3.0))


def test_a_volume_that_is_too_small_is_refused() -> None:
    with pytest.raises(
        UsageError, match="does not contain points 5.90 voxels from its centre: it must be odd and at least 13"
    ):
        Expansion(points(), sample_rotations(1), 11)
