"""The perturbations of a simulated screen and what each truly does to a cell.

A cell is described by `TRAITS`: size and shape of nucleus and cell, and amount, texture and place of each stain, in units of
the variation between cells of one well. A perturbation shifts some traits. Genes of one module share a direction, so the
known relations of the screen are known exactly; guides differ in strength; compounds act like the loss of the gene that they
hit, growing with the dose by a Hill curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from hooke.images.simulated.config import ScreenConfig

TRAITS = (
    "nucleus_radius", "nucleus_elongation", "dna_intensity", "chromatin_texture", "cell_radius", "cell_elongation",
    "cell_irregularity", "er_intensity", "er_spread", "er_texture", "nucleoli_number", "nucleoli_intensity", "rna_intensity",
    "actin_fibres", "actin_edge", "golgi_intensity", "golgi_spread", "vesicles", "mito_intensity", "mito_fragmentation",
    "mito_spread", "density", "mitosis",
)  # fmt: skip
TRAITS_A_MODULE = 5
NONE = "EMPTY"
_HILL_SLOPE = 1.2


@dataclass(frozen=True)
class Library:
    """The perturbations; index 0 is no perturbation.

    Attributes:
        table: One row a perturbation: perturbation, perturbation_type, gene, guide, compound, concentration_um, module ("" for
            none).
        effects: (perturbations, traits): the true shift of each trait.
        gene_effects: gene -> (traits,), the effect of its complete loss.
    """

    table: pl.DataFrame
    effects: np.ndarray
    gene_effects: dict[str, np.ndarray]
    targets: dict[str, str]
    modules: dict[str, tuple[int, int]]

    def relations(self) -> pl.DataFrame:
        """All true relations: entity1, entity2, relation, sign (1 alike, -1 opposite).

        "same_module": two genes of one module. "targets": a compound and the gene that it hits.
        """
        rows = []
        for (first, (module, sign)), (second, (other, other_sign)) in combinations(sorted(self.modules.items()), 2):
            if module == other:
                rows.append((first, second, "same_module", sign * other_sign))
        rows += [(compound, gene, "targets", 1) for compound, gene in sorted(self.targets.items())]
        return pl.DataFrame(rows, schema=["entity1", "entity2", "relation", "sign"], orient="row")

    def truth(self) -> pl.DataFrame:
        """The table of perturbations with the true shift of every trait beside it."""
        return self.table.with_columns(pl.Series(name, self.effects[:, place]) for place, name in enumerate(TRAITS))


def make_library(config: ScreenConfig) -> Library:
    """Draw the perturbations of a screen; the same config gives the same library."""
    generator = np.random.default_rng((config.seed, 1))
    genes = config.modules * config.genes_per_module + config.lone_genes + config.inactive_genes
    names = [f"SIMG{number:04d}" for number in generator.permutation(genes) + 1]
    effects: dict[str, np.ndarray] = {}
    modules: dict[str, tuple[int, int]] = {}
    for module in range(config.modules):
        direction = _direction(generator)
        for _ in range(config.genes_per_module):
            name = names[len(effects)]
            sign = -1 if generator.random() < 0.15 else 1
            shared = sign * generator.uniform(2.0, 3.6) * direction
            effects[name] = shared + 0.5 * _direction(generator)
            modules[name] = (module, sign)
    for _ in range(config.lone_genes):
        effects[names[len(effects)]] = generator.uniform(2.0, 3.6) * _direction(generator)
    for _ in range(config.inactive_genes):
        effects[names[len(effects)]] = np.zeros(len(TRAITS))
    effects = {name: config.effect_strength * effects[name] for name in sorted(effects)}
    rows: list[tuple[object, ...]] = [(NONE, "none", None, None, None, None, "")]
    shifts = [np.zeros(len(TRAITS))]
    for name, effect in effects.items():
        home = f"M{modules[name][0]:02d}" if name in modules else ""
        for guide in range(1, config.guides + 1):
            strength = generator.uniform(0.55, 1.0)
            beside = 0.3 * config.effect_strength * _direction(generator)
            rows.append((f"{name}_{guide}", "gene", name, f"{name}_{guide}", None, None, home))
            shifts.append(strength * effect + beside * bool(effect.any()))
    targets = _add_compounds(config, generator, sorted(modules), effects, rows, shifts)
    schema = {
        "perturbation": pl.String, "perturbation_type": pl.String, "gene": pl.String, "guide": pl.String, "compound": pl.String,
        "concentration_um": pl.Float64, "module": pl.String,
    }  # fmt: skip
    return Library(pl.DataFrame(rows, schema=schema, orient="row"), np.stack(shifts), effects, targets, modules)


def _add_compounds(
    config: ScreenConfig,
    generator: np.random.Generator,
    candidates: list[str],
    effects: dict[str, np.ndarray],
    rows: list[tuple[object, ...]],
    shifts: list[np.ndarray],
) -> dict[str, str]:
    """Every fifth compound hits nothing; the others one gene each, and each has a small effect of its own."""
    targets: dict[str, str] = {}
    for number in range(1, config.compounds + 1):
        name = f"SIMC{number:04d}"
        gene = "" if number % 5 == 0 else candidates[int(generator.integers(len(candidates)))]
        if gene:
            targets[name] = gene
        half_um = float(np.exp(generator.normal(np.log(2.0), 0.8)))
        beside = 0.4 * config.effect_strength * _direction(generator)
        for dose in config.doses_um:
            share = dose**_HILL_SLOPE / (dose**_HILL_SLOPE + half_um**_HILL_SLOPE)
            rows.append((f"{name}_{dose:g}uM", "compound", None, None, name, dose, ""))
            shifts.append(share * (effects[gene] + beside) if gene else np.zeros(len(TRAITS)))
    return targets


def _direction(generator: np.random.Generator) -> np.ndarray:
    """A unit vector on a few traits."""
    vector = np.zeros(len(TRAITS))
    chosen = generator.choice(len(TRAITS), TRAITS_A_MODULE, replace=False)
    vector[chosen] = generator.choice([-1.0, 1.0], TRAITS_A_MODULE) * generator.uniform(0.4, 1.0, TRAITS_A_MODULE)
    return vector / np.linalg.norm(vector)
