"""A screen of cells with known truth: responses follow modules of a gene graph, pairs add up but for a small interaction.

    log rate(cell, r) = base_r + depth + batch_r + strength_c (sum over perturbed genes of effect) + interaction of the pair
    effect of gene g  = share · module(g) + (1 - share) · own(g),        counts ~ Poisson, then log1p of counts per 10,000

Contexts differ in strength: in a weak one nothing can be evaluated, which is what a check must find. Neighbours in the graph are of one module
with few exceptions, so that a graph model has something to find, and a rewired copy of the graph has not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hooke.cells.perturbations import Perturbation, of_genes
from hooke.cells.profiles import Profiles
from hooke.core.errors import UsageError

TARGET_SUM = 1e4
STRONG, WEAK = "strong", "weak"


@dataclass(frozen=True)
class SimulationConfig:
    """Sizes and strengths of a simulated screen."""

    seed: int = 0
    modules: int = 12
    genes_a_module: int = 5
    readouts: int = 200
    cells: int = 40  # of a perturbation and context
    controls: int = 200  # of a context and batch
    pairs: int = 30
    share: float = 0.85  # of the module in an effect
    size: float = 0.9  # of effects, natural logarithm
    density: float = 0.15  # of read-outs that a module moves
    interaction: float = 0.2  # of pairs, relative to effects
    weak: float = 0.02  # strength of the weak context
    exceptions: float = 0.05  # edges between modules, relative to those within


@dataclass(frozen=True)
class SimulatedResponse:
    """A simulated screen.

    Attributes:
        profiles: (cells, read-outs) log1p values with perturbation, cell_type and batch.
        edges: (E, 2) names of neighbours.
        genes: All that can be perturbed.
        truth: Perturbation → (read-outs,) change of the logarithm of rates at strength 1.
        module: Gene → its module.
    """

    profiles: Profiles
    edges: pl.DataFrame
    genes: tuple[str, ...]
    truth: dict[Perturbation, np.ndarray]
    module: dict[str, int]

    def without(self, genes: set[str]) -> Profiles:
        """The cells in which none of these genes is perturbed."""
        return self.profiles.take(
            np.array([not genes & set(text.split("+")) for text in self.profiles.column("perturbation")])
        )

    def of(self, genes: set[str]) -> Profiles:
        """The cells in which one of these genes alone is perturbed, and all controls."""
        names = self.profiles.column("perturbation")
        return self.profiles.take(np.array([text in genes or text == "control" for text in names]))


def simulate(config: SimulationConfig = SimulationConfig()) -> SimulatedResponse:
    """Simulate a screen.

    Raises:
        UsageError: There are more pairs than genes allow.
    """
    generator = np.random.default_rng(config.seed)
    genes = tuple(f"T{number:03d}" for number in range(config.modules * config.genes_a_module))
    module = np.arange(len(genes)) // config.genes_a_module
    moved = generator.random((config.modules, config.readouts)) < config.density
    common = np.where(moved, generator.normal(0, config.size, moved.shape), 0.0)
    own_moved = generator.random((len(genes), config.readouts)) < config.density
    own = np.where(own_moved, generator.normal(0, config.size, own_moved.shape), 0.0)
    effects = config.share * common[module] + (1 - config.share) * own
    first, second = np.triu_indices(len(genes), 1)
    if config.pairs > len(first):
        raise UsageError(f"{len(genes)} genes have {len(first)} pairs, not {config.pairs}")
    truth = {of_genes(gene): effects[place] for place, gene in enumerate(genes)}
    for place in generator.choice(len(first), config.pairs, replace=False):
        left, right = first[place], second[place]
        both = effects[left] + effects[right]
        truth[of_genes(genes[left], genes[right])] = both * (
            1 + config.interaction * generator.normal(size=config.readouts)
        )
    profiles = _cells(config, truth, generator)
    return SimulatedResponse(
        profiles, _edges(config, genes, module, generator), genes, truth, dict(zip(genes, module.tolist(), strict=True))
    )


def _cells(config: SimulationConfig, truth: dict[Perturbation, np.ndarray], generator: np.random.Generator) -> Profiles:
    base = generator.normal(-0.5, 1.0, config.readouts)
    blocks, labels = [], []
    for context, strength in ((STRONG, 1.0), (WEAK, config.weak)):
        shift = generator.normal(0, 0.3, config.readouts)
        for batch in ("1", "2"):
            offset = base + shift + generator.normal(0, 0.2, config.readouts)
            asked = [("control", np.zeros(config.readouts), config.controls)]
            asked += [(each.name, strength * change, config.cells // 2) for each, change in truth.items()]
            for name, change, count in asked:
                depth = generator.normal(0, 0.3, (count, 1))
                blocks.append(generator.poisson(np.exp(offset + change + depth)).astype(np.float32))
                labels += [(name, context, f"{context} {batch}")] * count
    counts = np.concatenate(blocks)
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    order = generator.permutation(len(counts))
    metadata = pl.DataFrame([labels[row] for row in order], schema=["perturbation", "cell_type", "batch"], orient="row")
    return Profiles(
        np.log1p(counts / totals * TARGET_SUM)[order],
        metadata,
        tuple(f"R{number:03d}" for number in range(config.readouts)),
    )


def _edges(
    config: SimulationConfig, genes: tuple[str, ...], module: np.ndarray, generator: np.random.Generator
) -> pl.DataFrame:
    first, second = np.triu_indices(len(genes), 1)
    inside = module[first] == module[second]
    rate = config.exceptions * inside.sum() / max((~inside).sum(), 1)
    kept = inside | (generator.random(len(first)) < rate)
    return pl.DataFrame(
        {"entity1": [genes[place] for place in first[kept]], "entity2": [genes[place] for place in second[kept]]}
    )
