from __future__ import annotations

from dataclasses import replace

import numpy as np

from hooke.atoms.frames import Frames
from hooke.atoms.isolated_atoms import ReferenceEnergies
from hooke.atoms.statistics import FrameStatistics, frame_statistics
from hooke.atoms.twins import isolated_frames

METHODS, FORCES = ("pbe/def2-svp", "gfn2"), ("pbe/def2-svp",)


def test_streamed_statistics_are_those_of_two_passes(frames: Frames) -> None:
    table = ReferenceEnergies.of_frames(isolated_frames(METHODS), METHODS, "eV", "")
    blocks = [frames.select(np.arange(start, min(start + 5, len(frames)))) for start in range(0, len(frames), 5)]
    found = frame_statistics(blocks, METHODS, FORCES, table).to_json()
    formation = frames.energies - np.stack([table.sums(frames, method, "") for method in METHODS], axis=1)
    expected = {
        "total": frames.energies, "formation": formation, "formation_per_atom": formation / frames.counts[:, None],
        "force_component": frames.forces.reshape(-1, 1), "force_norm": np.linalg.norm(frames.forces, axis=1),
    }  # fmt: skip
    assert set(found) == set(expected)
    for kind, values in expected.items():
        for place, method in enumerate(FORCES if kind.startswith("force") else METHODS):
            column = values[:, place]
            assert found[kind][method]["count"] == len(column)
            np.testing.assert_allclose(found[kind][method]["mean"], column.mean(), rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(found[kind][method]["std"], column.std(), rtol=1e-10)


def test_merging_is_counting_all_at_once_whatever_is_missing(frames: Frames) -> None:
    energies = frames.energies.copy()
    energies[::3, 1] = np.nan
    energies[:12, 0] = np.nan
    holed = replace(frames, energies=energies)
    first, second = (frame_statistics([holed.select(rows)], METHODS, FORCES) for rows in np.split(np.arange(24), [12]))
    whole, merged = frame_statistics([holed], METHODS, FORCES).to_json(), first.merged(second).to_json()
    assert "pbe/def2-svp" not in first.to_json()["total"]  # nothing is known of it
    for kind, methods in whole.items():
        for method, numbers in methods.items():
            np.testing.assert_allclose(
                list(merged[kind][method].values()), list(numbers.values()), rtol=1e-11, atol=1e-12
            )
    assert FrameStatistics(METHODS, FORCES).merged(first).to_json() == first.to_json()
