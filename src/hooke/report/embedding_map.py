"""The embedding map: many-dimensional embeddings laid out in the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from hooke.core.errors import UsageError
from hooke.evaluate.moments import spread
from hooke.report.build import thin
from hooke.report.drawing import MoleculePool
from hooke.report.schema import Colouring, EmbeddingMap

Method = Literal["tsne", "pca"]
MAX_POINTS = 1_000
_FEWEST_FOR_TSNE = 10
_ITERATIONS = 500  # enough for so few points; twice as many look the same


def embedding_map(
    pool: MoleculePool,
    title: str,
    embeddings: np.ndarray,
    smiles: Sequence[str],
    colours: Mapping[str, np.ndarray | Sequence[str] | Sequence[float]],
    *,
    units: Mapping[str, str] | None = None,
    method: Method = "tsne",
    limit: int = MAX_POINTS,
    seed: int = 0,
    note: str = "",
) -> EmbeddingMap:
    """A map of molecules by their embeddings.

    Args:
        pool: Takes the molecules that are shown.
        title: Of the map.
        embeddings: (N, width).
        smiles: (N,).
        colours: Name -> (N,) numbers (NaN = not measured) or strings (classes).
        units: Name -> unit.
        method: "tsne" (neighbours stay neighbours; distances between far groups mean nothing) or "pca" (linear).
        limit: Of points; of more, a random draw is shown.
        seed: Of the draw and of t-SNE.
        note: Shown below the map.

    Raises:
        UsageError: The embeddings are not finite, or not one for each molecule.
    """
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2 or len(embeddings) != len(smiles) or not np.isfinite(embeddings).all():
        raise UsageError(
            f"the map needs one finite embedding for each of {len(smiles)} molecules, got shape {embeddings.shape}"
        )
    chosen, rule = thin(len(smiles), limit, seed=seed)
    points, how = layout(embeddings[chosen], method=method, seed=seed)
    found = (_colouring(name, values, chosen, (units or {}).get(name, "")) for name, values in colours.items())
    colourings = tuple(sorted(found, key=_mostly_unknown))
    x, y = (tuple(np.round(points[:, axis], 3).tolist()) for axis in (0, 1))
    shown = pool.indices([smiles[row] for row in chosen])
    return EmbeddingMap(title, how, x, y, shown, colourings, len(smiles), rule, note)


def layout(embeddings: np.ndarray, *, method: Method = "tsne", seed: int = 0) -> tuple[np.ndarray, str]:
    """(N, 2) coordinates within ±1, and the method in words.

    Source: van der Maaten and Hinton 2008 (t-SNE, as in scikit-learn, started from the principal components).
    """
    from sklearn.decomposition import PCA

    count, width = embeddings.shape
    if not count or not np.ptp(embeddings, axis=0).any():
        return np.zeros((count, 2)), "all embeddings are equal"
    scaled = (embeddings - embeddings.mean(axis=0)) / spread(embeddings)
    size = min(30, width, count)
    reduced = PCA(size, random_state=seed).fit(scaled)
    components = reduced.transform(scaled)
    if method == "pca" or count < _FEWEST_FOR_TSNE:
        points = np.zeros((count, 2))
        points[:, : min(2, size)] = components[:, :2]
        share = reduced.explained_variance_ratio_[:2].sum()
        how = f"first two principal components of the standardised embeddings ({share:.0%} of their variance)"
    else:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        perplexity = min(30.0, (count - 1) / 3)
        start = components[:, :2] / max(components[:, 0].std(), 1e-12) * 1e-4
        start = np.hstack([start, np.zeros((count, 2 - start.shape[1]))])
        tsne = TSNE(2, perplexity=perplexity, init=start, learning_rate="auto", max_iter=_ITERATIONS, random_state=seed)
        with threadpool_limits(1):  # more threads cost more than they bring, and much more on a busy machine
            points = tsne.fit_transform(components)
        how = f"t-SNE of the first {size} principal components (perplexity {perplexity:.0f}, seed {seed})"
    points = points - (points.max(axis=0) + points.min(axis=0)) / 2
    return points / max(np.abs(points).max(), 1e-12), how


def _mostly_unknown(colouring: Colouring) -> bool:
    """Whether a colouring says nothing about most molecules; such ones are offered last."""
    return sum(value is None for value in colouring.values) > len(colouring.values) / 2


def _colouring(
    name: str, values: np.ndarray | Sequence[str] | Sequence[float], chosen: np.ndarray, unit: str
) -> Colouring:
    found = np.asarray(values)[chosen]
    if found.dtype.kind in "fiub":
        numbers = found.astype(np.float64)
        return Colouring(name, tuple(float(value) if np.isfinite(value) else None for value in numbers), unit=unit)
    texts = [str(value) for value in found]
    ordered = sorted(set(texts), key=lambda text: (-texts.count(text), text))
    kept = ordered if len(ordered) <= 8 else [*ordered[:7], "other"]
    place = {text: kept.index(text) if text in kept[:7] or len(ordered) <= 8 else 7 for text in ordered}
    return Colouring(name, tuple(float(place[text]) for text in texts), tuple(kept), unit)
