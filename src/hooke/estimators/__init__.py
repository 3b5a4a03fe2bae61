"""Estimators without a gradient: saved as plain arrays, trained, predicted and reported like networks; the name is the file.

A file has `Config` (frozen dataclass) and `Estimator(config, spec, level)`, a subclass of the base here. Most of them learn every label by
itself: they extend `LabelwiseEstimator`. What several files share (standardised features, trees as arrays) stands here too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from hooke.core import registry
from hooke.core.errors import DataError, UsageError
from hooke.core.label import Label
from hooke.core.types import Spec, labels_of
from hooke.evaluate.moments import binary_exponent, spread

if TYPE_CHECKING:
    from hooke.evaluate.kernels import MeanKernel

Arrays = dict[str, np.ndarray]
FEWEST = 5  # measured rows below which only a constant is learnt
_LARGEST = 1e6  # features are cut there, as the descriptors of molecules are
_BLOCK = 1024  # rows predicted at a time


class Estimator(ABC):
    """Predicts the labels of whole items from a row of features.

    Args:
        config: The file's own options.
        spec: Its labels of `level` are what is predicted.
        level: Of the labels: the first of the modality.

    Attributes:
        modality: The kind of data; "any" for those that need features alone.

    Raises:
        UsageError: A label has several numbers a value (a vector).
    """

    modality: ClassVar[str]

    def __init__(self, config: Any, spec: Spec, level: str) -> None:
        self.config = config
        self.labels: Sequence[Label] = labels_of(spec, level)
        for label in self.labels:
            if label.width > 1:
                raise UsageError(f"estimators predict single numbers; {label.name!r} has {label.width} a value")

    @property
    def columns(self) -> int:
        """Predicted columns: a probability a class of labels with several, else one a label."""
        return sum(label.columns for label in self.labels)

    @abstractmethod
    def fit(self, features: np.ndarray, targets: np.ndarray, *, seed: int = 0) -> None:
        """Learn.

        Args:
            features: (n, f) float64.
            targets: (n, labels) float64, NaN = not measured; classes count from 0.
            seed: Of all randomness.
        """

    @abstractmethod
    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, columns) predictions, probabilities for classes, and their standard deviations (0 where it states none)."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """All that was learnt, as plain arrays."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, config: Any, spec: Spec, level: str, arrays: Mapping[str, np.ndarray]) -> Self:
        """Back from `arrays`."""


def estimator_class(name: str) -> type[Estimator]:
    """The class of a registered estimator, which may be a third party's.

    Raises:
        UnknownNameError: No such estimator.
        UsageError: It could not be saved: it is no `Estimator`, or lacks a method of one, such as `arrays`.
    """
    made = getattr(registry.module("estimators", name), "Estimator", None)
    if not (isinstance(made, type) and issubclass(made, Estimator)):
        raise UsageError(f"the estimator {name!r} has no class Estimator that extends hooke.estimators.Estimator")
    if missing := sorted(made.__abstractmethods__):
        raise UsageError(
            f"the estimator {name!r} lacks {', '.join(f'{method}()' for method in missing)}: runs are saved as plain arrays, so it is not fitted"
        )
    return made


class LabelwiseEstimator(Estimator):
    """Learns every label by itself, on the rows where it is measured.

    A label that is measured in fewer than `FEWEST` rows or has a single value gets its mean or class frequencies, one that is
    measured nowhere NaN. Values are learnt times a power of two that makes their standard deviation about 1, so that their unit does not
    matter, and without rounding. Ordered classes are learnt as classes. Features that are NaN count as 0, those beyond ±1e6 are cut.

    Attributes:
        inputs: Number of features.
        constants: (columns,) what is predicted of a label that nothing else is learnt of.
        shared: What was learnt for all labels.
        learnt: Number of a label → what was learnt for it, and the "classes" that occur.
    """

    def __init__(self, config: Any, spec: Spec, level: str) -> None:
        super().__init__(config, spec, level)
        self.inputs = 0
        self.constants = np.full(self.columns, np.nan)
        self.shared: Arrays = {}
        self.learnt: dict[int, Arrays] = {}

    def _share(self, features: np.ndarray) -> tuple[Arrays, np.ndarray]:
        """What all labels share, and the training rows as `_learn` is given them."""
        return {}, features

    def _transform(self, features: np.ndarray) -> np.ndarray:
        """New rows as `_infer` is given them."""
        return features

    @abstractmethod
    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        """Learn one label.

        Args:
            features: All training rows, as `_share` gives them.
            rows: (m,) where the label is measured.
            values: (m,) float64 with a standard deviation from ½ to 1; of classes, their places among those that occur.
            classes: That occur; 0 for regression.
            seed: Of all randomness.
        """

    @abstractmethod
    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Predictions of one label and their standard deviations.

        Args:
            features: (n, ...) new rows, as `_transform` gives them.
            number: Of the label, in `learnt`.

        Returns:
            (n, 1) values, or (n, classes that occur) probabilities; twice.
        """

    def fit(self, features: np.ndarray, targets: np.ndarray, *, seed: int = 0) -> None:
        """Learn label by label; see `Estimator.fit`."""
        self.inputs = features.shape[1]
        self.learnt = {}
        self.shared, given = self._share(_finite(features))
        for number, (label, columns) in enumerate(self._columns()):
            rows = np.flatnonzero(~np.isnan(targets[:, number]))
            values = np.asarray(targets[rows, number], np.float64)
            self.constants[columns] = _constant(label, values)
            classes, places = np.unique(values, return_inverse=True)
            if len(rows) < FEWEST or len(classes) < 2:
                continue
            if label.kind == "regression":
                exponent = binary_exponent(values)
                learnt = self._learn(given, rows, np.ldexp(values, -exponent), 0, seed)
                self.learnt[number] = {**learnt, "exponent": np.array(exponent)}
            else:
                learnt = self._learn(given, rows, places.astype(np.float64), len(classes), seed)
                self.learnt[number] = {**learnt, "classes": classes.astype(np.int64)}

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and standard deviations; see `Estimator.predict`.

        Raises:
            UsageError: It was fitted with another number of features.
        """
        if features.shape[1] != self.inputs:
            raise UsageError(f"the estimator was fitted with {self.inputs:,} features, not {features.shape[1]:,}")
        out = np.tile(self.constants, (len(features), 1))
        spread = np.zeros_like(out)
        for first in range(0, len(features) if self.learnt else 0, _BLOCK):
            block = slice(first, first + _BLOCK)
            given = self._transform(_finite(features[block]))
            for number, (label, columns) in enumerate(self._columns()):
                if number not in self.learnt:
                    continue
                mean, std = (
                    np.ldexp(part, self.learnt[number].get("exponent", 0)) for part in self._infer(given, number)
                )
                if label.classes:  # classes that did not occur keep probability 0
                    places = columns.start + self.learnt[number]["classes"]
                    out[block, columns] = 0.0
                    out[block, places], spread[block, places] = mean, std
                else:  # the value, or the probability of class 1
                    out[block, columns], spread[block, columns] = mean[:, -1:], std[:, -1:]
        return out, spread

    def arrays(self) -> Arrays:
        """What is shared by its name; what belongs to a label as "number.name"."""
        parts = {f"{number}.{name}": array for number, learnt in self.learnt.items() for name, array in learnt.items()}
        everything = {"inputs": np.array([self.inputs]), "constants": self.constants, **self.shared, **parts}
        return {name: np.ascontiguousarray(array) for name, array in everything.items()}

    @classmethod
    def from_arrays(cls, config: Any, spec: Spec, level: str, arrays: Mapping[str, np.ndarray]) -> Self:
        """Back from `arrays`.

        Raises:
            DataError: They were learnt for other labels.
        """
        new = cls(config, spec, level)
        rest = dict(arrays)
        inputs, constants = rest.pop("inputs", np.array([0])), rest.pop("constants", None)
        if constants is None or constants.shape != new.constants.shape:
            raise DataError(f"these arrays are not those of an estimator of {new.columns} columns")
        new.inputs, new.constants = int(inputs[0]), constants
        for key, array in rest.items():
            number, dot, name = key.partition(".")
            if dot:
                new.learnt.setdefault(int(number), {})[name] = array
            else:
                new.shared[key] = array
        return new

    def _columns(self) -> Iterator[tuple[Label, slice]]:
        """Each label and its columns of the predictions."""
        first = 0
        for label in self.labels:
            yield label, slice(first, first + label.columns)
            first += label.columns


class Trees(NamedTuple):
    """Decision trees as arrays, one after another.

    Attributes:
        feature: (nodes,) int32 that a node asks for.
        threshold: (nodes,) float64; rows with a float32 feature beyond it go right.
        children: (nodes, 2) int32 left and right, -1 for leaves.
        value: (nodes, k) float64.
        offsets: (trees + 1,) int64 first node of each tree, its root.
    """

    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    value: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, trees: Sequence[Any]) -> Trees:
        """From fitted decision trees of scikit-learn with one output."""
        nodes = [tree.tree_ for tree in trees]
        offsets = np.cumsum([0, *(tree.node_count for tree in nodes)])
        children = [np.stack([tree.children_left, tree.children_right], axis=1) for tree in nodes]
        moved = [
            np.where(pair < 0, -1, pair + first) for pair, first in zip(children, offsets[:-1].tolist(), strict=True)
        ]
        return cls(
            np.concatenate([tree.feature for tree in nodes]).astype(np.int32),
            np.concatenate([tree.threshold for tree in nodes]),
            np.concatenate(moved).astype(np.int32),
            np.concatenate([tree.value[:, 0] for tree in nodes]),
            offsets.astype(np.int64),
        )

    def leaves(self, features: np.ndarray) -> np.ndarray:
        """(trees, n) node in which each row ends."""
        seen, roots = features.astype(np.float32), self.offsets[:-1]
        node = np.repeat(roots, len(seen))
        row = np.tile(np.arange(len(seen)), len(roots))
        moving = np.flatnonzero(self.children[node, 0] >= 0)
        while len(moving):
            at = node[moving]
            right = seen[row[moving], self.feature[at]] > self.threshold[at]
            at = self.children[at, right.astype(np.intp)]
            node[moving] = at
            moving = moving[self.children[at, 0] >= 0]
        return node.reshape(len(roots), len(seen))


class TreesEstimator(LabelwiseEstimator):
    """Independent trees: the mean over them, and the standard deviation; splits are on features that vary, by `config.least_varied`."""

    modality = "any"

    @abstractmethod
    def _grower(self, classes: int, **options: Any) -> Any:
        """The unfitted ensemble of scikit-learn that grows them, with these options; for so many classes, 0 for regression."""

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        some = features[rows]
        if self.config.least_varied:
            others = (some != np.median(some, axis=0)).sum(axis=0)
            varied = np.flatnonzero(others >= min(self.config.least_varied * len(rows), others.max()))
        else:
            varied = np.arange(some.shape[1])
        config = self.config
        share = "sqrt" if classes else config.feature_share
        grower = self._grower(
            classes,
            n_estimators=config.trees,
            max_features=share,
            min_samples_leaf=config.smallest_leaf,
            n_jobs=2,
            random_state=seed,
        )
        trees = Trees.of(grower.fit(some[:, varied], values).estimators_)
        feature = np.where(trees.feature < 0, trees.feature, varied[trees.feature])
        return trees._replace(feature=feature.astype(np.int32))._asdict()

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        trees = Trees(*(self.learnt[number][name] for name in Trees._fields))
        leaves = trees.leaves(features)
        mean = sum(trees.value[leaf] for leaf in leaves) / len(leaves)
        variance = sum((trees.value[leaf] - mean) ** 2 for leaf in leaves) / len(leaves)
        return mean, np.sqrt(variance)


class KernelEstimator(LabelwiseEstimator):
    """Compares rows by the mean of kernels over the blocks that `config.counts` and `config.radial` name.

    Attributes:
        derived: Number of a label → what prediction needs and what is saved implies, once needed.
    """

    modality = "any"

    def __init__(self, config: Any, spec: Spec, level: str) -> None:
        super().__init__(config, spec, level)
        self.derived: dict[int, Any] = {}
        self._known: MeanKernel | None = None

    def _share(self, features: np.ndarray) -> tuple[Arrays, np.ndarray]:
        from hooke.evaluate.kernels import MeanKernel

        self.derived = {}
        self._known = MeanKernel.of(features, self.config.counts, self.config.radial)
        return self._known.arrays(), features

    @property
    def _kernel(self) -> MeanKernel:
        """Against all training rows."""
        from hooke.evaluate.kernels import MeanKernel

        if self._known is None:
            self._known = MeanKernel.from_arrays(self.shared)
        return self._known


def drawn(count: int, most: int, generator: np.random.Generator) -> np.ndarray:
    """At most so many of `count` places, ascending."""
    return np.arange(count) if count <= most else np.sort(generator.choice(count, most, replace=False))


def standardisation(features: np.ndarray) -> Arrays:
    """Mean ("shift") and standard deviation ("scale", 1 where it is 0) of each feature."""
    return {"shift": features.mean(axis=0), "scale": spread(features)}


def standardised(features: np.ndarray, shared: Mapping[str, np.ndarray]) -> np.ndarray:
    """Features in standard deviations from the mean, cut at ±10."""
    return np.clip((features - shared["shift"]) / shared["scale"], -10, 10)


def against_the_others(values: np.ndarray, classes: int) -> np.ndarray:
    """(n, classes) ±1, each class against the others; of two classes only the second."""
    return 2.0 * np.eye(classes)[values.astype(np.int64)][:, classes == 2 :] - 1.0


def _finite(features: np.ndarray) -> np.ndarray:
    values = np.clip(np.asarray(features, np.float64), -_LARGEST, _LARGEST)
    values[np.isnan(values)] = 0.0
    return values


def _constant(label: Label, values: np.ndarray) -> np.ndarray | float:
    """Mean or class frequencies; NaN where nothing is measured."""
    if not len(values):
        return np.nan
    if not label.classes:
        return float(values.mean())
    return np.bincount(values.astype(np.int64), minlength=label.classes) / len(values)
