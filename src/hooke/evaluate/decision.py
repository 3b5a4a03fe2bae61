"""From the probability of class 1 to a class: where to draw the line."""

from __future__ import annotations

import numpy as np

DEFAULT_THRESHOLD = 0.5


def balanced_threshold(probability: np.ndarray, true: np.ndarray) -> float | None:
    """The threshold of the greatest balanced accuracy, (sensitivity + specificity) / 2; None without both classes.

    Thresholds lie halfway between neighbouring probabilities; of equally good ones the one nearest to ½ is taken.

    Args:
        probability: (N,) of class 1.
        true: (N,) 0 or 1, NaN = not measured.
    """
    measured = ~(np.isnan(true) | np.isnan(probability))
    probability, positive = probability[measured], true[measured] > 0.5
    if not len(positive) or positive.all() or not positive.any():
        return None
    values = np.unique(probability)
    thresholds = np.append((values[:-1] + values[1:]) / 2, DEFAULT_THRESHOLD)
    called = probability[None, :] >= thresholds[:, None]
    balanced = (called[:, positive].mean(axis=1) + (~called[:, ~positive]).mean(axis=1)) / 2
    best = thresholds[balanced >= balanced.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - DEFAULT_THRESHOLD))])
