"""Count, mean and standard deviation of energies and forces, block by block, merged over shards (`evaluate.moments`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hooke.atoms.frames import Frames
from hooke.atoms.isolated_atoms import ReferenceEnergies
from hooke.evaluate.moments import Moments

KINDS = ("total", "formation", "formation_per_atom", "force_component", "force_norm")


@dataclass(frozen=True)
class FrameStatistics:
    """Of frames that have been seen.

    Attributes:
        methods, force_methods: Canonical names of the columns.
        moments: One of `KINDS` → its moments, a column a method.
    """

    methods: tuple[str, ...]
    force_methods: tuple[str, ...]
    moments: Mapping[str, Moments] = field(default_factory=dict)

    def updated(self, frames: Frames, e0: ReferenceEnergies | None = None, scope: str = "") -> FrameStatistics:
        """With some more frames; energies of formation where there is a table.

        Raises:
            UsageError: The table lacks an element.
        """
        new = {"total": frames.energies}
        if e0 is not None:
            sums = np.stack([e0.sums(frames, method, scope) for method in self.methods], axis=1)
            new["formation"] = frames.energies - sums
            new["formation_per_atom"] = new["formation"] / frames.counts[:, None]
        if self.force_methods:
            new["force_component"] = frames.forces.reshape(-1, len(self.force_methods))
            new["force_norm"] = np.linalg.norm(frames.forces, axis=1)
        return self.merged(
            FrameStatistics(self.methods, self.force_methods, {k: Moments.of(v) for k, v in new.items()})
        )

    def merged(self, other: FrameStatistics) -> FrameStatistics:
        """Of the frames of both."""
        kinds = [kind for kind in KINDS if kind in self.moments or kind in other.moments]
        both = {
            kind: self.moments[kind].merged(other.moments[kind])
            if kind in self.moments and kind in other.moments
            else self.moments.get(kind) or other.moments[kind]
            for kind in kinds
        }
        return FrameStatistics(self.methods, self.force_methods, both)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Kind → method → count, mean and std; without methods of which nothing is known."""
        out: dict[str, dict[str, Any]] = {}
        for kind, moments in self.moments.items():
            methods = self.force_methods if kind.startswith("force") else self.methods
            std = np.sqrt(moments.deviations / np.maximum(moments.measured, 1))
            out[kind] = {
                method: {"count": int(count), "mean": float(mean), "std": float(deviation)}
                for method, count, mean, deviation in zip(methods, moments.measured, moments.mean, std, strict=True)
                if count
            }
        return out


def frame_statistics(
    blocks: Iterable[Frames], methods: tuple[str, ...], force_methods: tuple[str, ...], e0: ReferenceEnergies | None = None, scope: str = ""
) -> FrameStatistics:  # fmt: skip
    """Of all blocks; see `FrameStatistics.updated`."""
    statistics = FrameStatistics(methods, force_methods)
    for frames in blocks:
        statistics = statistics.updated(frames, e0, scope)
    return statistics
