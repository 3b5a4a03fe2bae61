from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class Screen:
    values: np.ndarray
    batches: np.ndarray
    controls: np.ndarray
    labels: np.ndarray

    def arguments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.values, self.batches, self.controls

    def rows(self, kept: np.ndarray) -> Screen:
        return Screen(self.values[kept], self.batches[kept], self.controls[kept], self.labels[kept])

    def gap(self, values: np.ndarray) -> float:
        """Distance between the batches' control means, over the spread of controls within batches."""
        means, spreads = [], []
        for name in np.unique(self.batches):
            own = values[self.controls & (self.batches == name)]
            means.append(own.mean(axis=0))
            spreads.append(own.std(axis=0))
        return float(np.linalg.norm(np.std(means, axis=0)) / np.linalg.norm(np.mean(spreads, axis=0)))


@pytest.fixture(scope="package")
def screen() -> Screen:
    """5 batches of 40 controls and 20 perturbations twice, moved, scaled and mixed differently in each."""
    generator = np.random.default_rng(0)
    effects = np.vstack([np.zeros(10), 1.5 * generator.normal(size=(20, 10))])
    codes = np.tile(np.concatenate([np.zeros(40, int), np.arange(1, 21), np.arange(1, 21)]), 5)
    batch = np.repeat(np.arange(5), 80)
    move, scale = 4 * generator.normal(size=(5, 10)), np.exp(0.3 * generator.normal(size=(5, 10)))
    noise = generator.normal(size=(400, 10)) @ (0.4 * generator.normal(size=(10, 10)))
    values = (effects[codes] + noise) * scale[batch] + move[batch]
    names = np.array([f"b{number}" for number in batch])
    return Screen(values, names, codes == 0, np.where(codes == 0, "", np.char.add("p", codes.astype(str))))
