"""Which genes to perturb next: policies over a library, from what is measured, a graph, and earlier screens; arrays in, picks out.

Strength is |score|; z is standardised over what is measured.

    graph       sum of z over measured neighbours / (their number + k)
    transfer    mean of |z| over earlier screens; one of the same study counts `SAME_STUDY` times
    combined    graph and earlier screens, weighted by a ridge regression of z on them, drawn towards the weights of transfer
    greedy      posterior mean of a Bayesian linear regression of z on spectral features of the graph
    ucb         that mean + its standard deviation
    thompson    one draw of its weights
    core_set    farthest from what is measured in those features
    diverse     graph, less the similarity to what is picked already
    random      a uniform draw
    auto        a bandit over graph, transfer, combined and random, by the hits that each has earned

Source: core-set: Sener and Savarese 2018 (arXiv:1708.00489); bandit: Thompson sampling with Beta posteriors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from hooke.cells.graph import Graph
from hooke.core.errors import UnknownNameError, UsageError

PULL = 5.0  # k of graph
SAME_STUDY = 4.0
ARMS = ("transfer", "graph", "combined", "random")
POLICIES = ("random", "graph", "transfer", "combined", "greedy", "ucb", "thompson", "core_set", "diverse", "auto")
EVEN = 0.05  # share of a batch that `auto` divides evenly
FIRST = 0.75  # share of the first batch that `auto` takes from earlier screens, the rest at random
ARM_PRIOR = (1.0, 9.0)  # hits and misses that an arm starts with
_RIDGE = 30.0
_FEATURES = 32
_NOISE = 1.0  # variance of z about the regression


@dataclass(frozen=True)
class Prior:
    """An earlier screen.

    Attributes:
        name: Of the screen.
        strengths: (n,) z of |score| over the library; 0 where it was not measured.
        same_study: Whether it is of the study that is being made: the closest that earlier knowledge can be.
    """

    name: str
    strengths: np.ndarray
    same_study: bool = False


@dataclass(frozen=True)
class Library:
    """What can be perturbed, and what is known of it beforehand.

    Attributes:
        genes: (n,) unique names.
        graph: Over the genes.
        priors: Earlier screens.
    """

    genes: tuple[str, ...]
    graph: Graph
    priors: tuple[Prior, ...] = ()

    def __len__(self) -> int:
        return len(self.genes)

    @cached_property
    def features(self) -> np.ndarray:
        """(n, d) leading eigenvectors of D^-1/2 A D^-1/2, in standard deviations; the sign of each is that of its largest entry."""
        degree = self.graph.degrees.astype(np.float64)
        scale = np.divide(1.0, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
        matrix = scipy.sparse.diags_array(scale) @ self.graph.adjacency @ scipy.sparse.diags_array(scale)
        count = min(_FEATURES, len(self) - 2)
        if count < 1 or not len(self.graph.first):
            return np.zeros((len(self), 1))
        start = np.random.default_rng(0).normal(size=len(self))
        _, vectors = scipy.sparse.linalg.eigsh(matrix, k=count, which="LA", v0=start)
        vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(count)])
        return vectors / np.maximum(vectors.std(axis=0), 1e-12)

    @cached_property
    def transfer(self) -> np.ndarray | None:
        """(n,) weighted mean of the earlier screens; None without one."""
        if not self.priors:
            return None
        return np.array([prior.strengths for prior in self.priors]).T @ self.prior_weights

    @property
    def prior_weights(self) -> np.ndarray:
        """(priors,) weights that sum to 1."""
        weights = np.array([SAME_STUDY if prior.same_study else 1.0 for prior in self.priors])
        return weights / weights.sum()


@dataclass(frozen=True)
class Measured:
    """What has been measured of a library.

    Attributes:
        places: (m,) rows of the library.
        scores: (m,) float64.
        hits: (m,) bool.
        policies: (m,) which policy picked each; "" where none of `ARMS` did.
    """

    places: np.ndarray
    scores: np.ndarray
    hits: np.ndarray
    policies: tuple[str, ...]

    @classmethod
    def nothing(cls) -> Measured:
        """Before the first round."""
        return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool), ())

    @cached_property
    def z(self) -> np.ndarray:
        """(m,) strength in standard deviations from the mean."""
        strength = np.abs(self.scores)
        return (strength - strength.mean()) / max(float(strength.std()), 1e-12) if len(strength) else strength


@dataclass(frozen=True)
class Pick:
    """One choice.

    Attributes:
        place: Row of the library.
        policy: That chose it.
        expected: z of strength that its measured neighbours and earlier screens let expect; None where nothing is known.
        uncertainty: Standard deviation of that, in the same unit.
    """

    place: int
    policy: str
    expected: float | None
    uncertainty: float


def neighbour_scores(library: Library, measured: Measured) -> tuple[np.ndarray, np.ndarray]:
    """(n,) sum of z over measured neighbours / (their number + k), and their number, edges by weight."""
    shown, z = np.zeros(len(library)), np.zeros(len(library))
    shown[measured.places], z[measured.places] = 1.0, measured.z
    adjacency = library.graph.adjacency
    count = adjacency @ shown
    return (adjacency @ z) / (count + PULL), count


def policy_scores(policy: str, library: Library, measured: Measured, generator: np.random.Generator) -> np.ndarray:
    """(n,) what a policy ranks the library by, ties broken at random.

    Raises:
        UnknownNameError: No such policy.
        UsageError: It needs earlier screens, and there is none.
    """
    ties = generator.random(len(library)) * 1e-9
    if policy == "random" or (policy in ("graph", "diverse", "greedy", "ucb", "thompson") and not len(measured.places)):
        return ties
    if policy in ("transfer", "combined"):
        if library.transfer is None:
            raise UsageError(f"the policy {policy} needs earlier screens")
        if policy == "transfer" or not len(measured.places):
            return library.transfer + ties
        return _combined(library, measured) + ties
    if policy in ("graph", "diverse"):
        return neighbour_scores(library, measured)[0] + ties
    if policy in ("greedy", "ucb", "thompson"):
        mean, weights_root = _regression(library, measured)
        if policy == "greedy":
            return library.features @ mean + ties
        spread = library.features @ weights_root
        if policy == "ucb":
            return library.features @ mean + np.sqrt(np.square(spread).sum(axis=1)) + ties
        return library.features @ mean + spread @ generator.normal(size=spread.shape[1]) + ties
    if policy == "core_set":
        return ties
    raise UnknownNameError("policy", policy, POLICIES)


def picks(
    policy: str, library: Library, measured: Measured, count: int, generator: np.random.Generator, allowed: np.ndarray | None = None
) -> list[Pick]:  # fmt: skip
    """The next genes, the best first; what is measured is not picked again.

    Args:
        policy: One of `POLICIES`.
        library: What can be picked.
        measured: What is known.
        count: At most so many.
        generator: Of ties, draws and the bandit.
        allowed: (n,) bool; all by default.
    """
    if policy not in POLICIES:
        raise UnknownNameError("policy", policy, POLICIES)
    free = np.ones(len(library), bool) if allowed is None else allowed.copy()
    free[measured.places] = False
    count = min(count, int(free.sum()))
    if policy == "auto":
        chosen = _bandit(library, measured, count, generator, free)
    elif policy in ("core_set", "diverse"):
        one_by_one = _core_set if policy == "core_set" else _diverse
        chosen = [(place, policy) for place in one_by_one(library, measured, count, generator, free)]
    else:
        scores = np.where(free, policy_scores(policy, library, measured, generator), -np.inf)
        chosen = [(int(place), policy) for place in np.argsort(-scores, kind="stable")[:count]]
    score, neighbours = neighbour_scores(library, measured)
    expected = score if library.transfer is None else (score + library.transfer) / 2
    known = neighbours > 0 if library.transfer is None else np.ones(len(library), bool)
    return [
        Pick(place, name, float(expected[place]) if known[place] else None, float(1 / np.sqrt(1 + neighbours[place])))
        for place, name in chosen
    ]


def arms(library: Library, measured: Measured) -> list[str]:
    """What `auto` can choose from now."""
    known = ("transfer", "combined") if library.priors else ()
    return [arm for arm in ARMS if arm == "random" or arm in known or (arm == "graph" and len(measured.places))]


def earned(measured: Measured) -> dict[str, tuple[int, int]]:
    """Arm → hits and picks so far."""
    policies = np.array(measured.policies, object)
    return {arm: (int(measured.hits[policies == arm].sum()), int((policies == arm).sum())) for arm in ARMS}


def _bandit(
    library: Library, measured: Measured, count: int, generator: np.random.Generator, free: np.ndarray
) -> list[tuple[int, str]]:  # fmt: skip
    """Shares of the batch by Thompson draws of hit rates, some of it even; before anything is measured by `FIRST`."""
    present = arms(library, measured)
    shares = dict.fromkeys(present, 0)
    if not len(measured.places):
        told = round(FIRST * count)
        shares = {"transfer": told, "random": count - told} if library.priors else {"random": count}
    else:
        even = round(EVEN * count) // len(present)
        record = earned(measured)
        shares = dict.fromkeys(present, even)
        rates = np.array([
            generator.beta(ARM_PRIOR[0] + record[arm][0], ARM_PRIOR[1] + record[arm][1] - record[arm][0], size=count) for arm in present
        ])  # fmt: skip
        for winner in rates.argmax(axis=0)[: count - even * len(present)]:
            shares[present[winner]] += 1
    orders = {
        arm: np.argsort(-np.where(free, policy_scores(arm, library, measured, generator), -np.inf), kind="stable")
        for arm in shares
    }
    taken: dict[int, str] = {}
    for arm, share in sorted(shares.items(), key=lambda each: (-each[1], each[0])):
        new = [int(place) for place in orders[arm][: share + len(taken)] if int(place) not in taken]
        taken.update(dict.fromkeys(new[:share], arm))
    return list(taken.items())


def _combined(library: Library, measured: Measured) -> np.ndarray:
    graph = neighbour_scores(library, measured)[0]
    rest = np.ones(len(library), bool)
    rest[measured.places] = False
    columns = np.stack(
        [*(prior.strengths for prior in library.priors), graph / max(float(graph[rest].std()), 1e-12)], axis=1
    )
    start = np.append(library.prior_weights * len(library.priors), 1.0)
    start = start / start.sum()
    rows = columns[measured.places]
    change = np.linalg.solve(rows.T @ rows + _RIDGE * np.eye(len(start)), rows.T @ (measured.z - rows @ start))
    return columns @ np.maximum(start + change, 0.0)


def _regression(library: Library, measured: Measured) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean of the weights, and a root of their covariance; a priori independent with variance 1 / features."""
    rows = library.features[measured.places]
    width = rows.shape[1]
    values, vectors = np.linalg.eigh(rows.T @ rows / _NOISE + width * np.eye(width))
    root = vectors / np.sqrt(values)
    return root @ (root.T @ (rows.T @ measured.z / _NOISE)), root


def _core_set(
    library: Library, measured: Measured, count: int, generator: np.random.Generator, free: np.ndarray
) -> list[int]:
    features = library.features
    distance = np.full(len(library), np.inf)
    for place in measured.places:
        distance = np.minimum(distance, np.square(features - features[place]).sum(axis=1))
    ties, chosen = generator.random(len(library)) * 1e-9, []
    for _ in range(count):
        place = int(np.argmax(np.where(free, np.minimum(distance, 1e300) + ties, -np.inf)))
        free[place] = False
        distance = np.minimum(distance, np.square(features - features[place]).sum(axis=1))
        chosen.append(place)
    return chosen


def _diverse(
    library: Library, measured: Measured, count: int, generator: np.random.Generator, free: np.ndarray
) -> list[int]:
    """By graph, each pick lowering its neighbours by a share of one that grows with what they have in common."""
    scores = policy_scores("diverse", library, measured, generator)
    adjacency, chosen = library.graph.adjacency, []
    degree = np.maximum(library.graph.degrees, 1)
    spread = max(float(scores[free].std()), 1e-12) if free.any() else 1.0
    for _ in range(count):
        place = int(np.argmax(np.where(free, scores, -np.inf)))
        free[place] = False
        chosen.append(place)
        row = slice(*adjacency.indptr[place : place + 2])
        near = adjacency.indices[row]
        scores[near] -= spread * adjacency.data[row] / np.sqrt(degree[near])
    return chosen


def standardised(strengths: np.ndarray) -> np.ndarray:
    """Z of what is finite; 0 elsewhere."""
    known = np.isfinite(strengths)
    if not known.any():
        return np.zeros(len(strengths))
    spread = max(float(strengths[known].std()), 1e-12)
    return np.where(known, (strengths - strengths[known].mean()) / spread, 0.0)


def as_prior(name: str, genes: Sequence[str], scores: dict[str, float], *, same_study: bool = False) -> Prior:
    """An earlier screen over a library."""
    strengths = np.abs(np.array([scores.get(gene, np.nan) for gene in genes]))
    return Prior(name, standardised(strengths), same_study)
