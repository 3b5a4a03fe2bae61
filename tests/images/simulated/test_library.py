from __future__ import annotations

import numpy as np
import polars as pl

from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.library import NONE, TRAITS, make_library

CONFIG = ScreenConfig(modules=6, genes_per_module=3, compounds=10)


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_the_library_is_counted_right() -> None:
    library = make_library(CONFIG)
    genes = 6 * 3 + CONFIG.lone_genes + CONFIG.inactive_genes
    assert len(library.gene_effects) == genes
    assert len(library.table) == 1 + genes * 2 + 10 * 3
    assert library.table["perturbation"][0] == NONE
    assert not library.effects[0].any()
    assert library.effects.shape == (len(library.table), len(TRAITS))


def test_relations_are_what_the_effects_say() -> None:
    library = make_library(CONFIG)
    relations = library.relations()
    modules = relations.filter(pl.col("relation") == "same_module")
    assert len(modules) == 6 * 3
    alike = [sign * _cosine(library.gene_effects[a], library.gene_effects[b]) for a, b, _, sign in modules.iter_rows()]
    assert min(alike) > 0.75
    lone = [gene for gene, effect in library.gene_effects.items() if gene not in library.modules and effect.any()]
    others = [abs(_cosine(library.gene_effects[a], library.gene_effects[b])) for a in lone for b in lone if a < b]
    assert np.median(others) < 0.3
    assert sum(not effect.any() for effect in library.gene_effects.values()) == CONFIG.inactive_genes


def test_compounds_act_like_their_gene_and_more_with_the_dose() -> None:
    library = make_library(CONFIG)
    table = library.table.with_row_index("place")
    assert len(library.targets) == 8
    for compound, gene in library.targets.items():
        rows = table.filter(compound=compound).sort("concentration_um")["place"].to_list()
        strength = [float(np.linalg.norm(library.effects[row])) for row in rows]
        assert strength == sorted(strength)
        assert _cosine(library.effects[rows[-1]], library.gene_effects[gene]) > 0.8
    idle = table.filter(compound="SIMC0005")["place"].to_list()
    assert not library.effects[idle].any()


def test_guides_resemble_their_gene() -> None:
    library = make_library(CONFIG)
    for row, effect in zip(library.table.iter_rows(named=True), library.effects, strict=True):
        if row["gene"] and library.gene_effects[row["gene"]].any():
            assert _cosine(effect, library.gene_effects[row["gene"]]) > 0.9


def test_seeds_decide() -> None:
    assert np.array_equal(make_library(CONFIG).effects, make_library(CONFIG).effects)
    other = make_library(ScreenConfig(seed=1, modules=6, genes_per_module=3, compounds=10))
    assert not np.array_equal(make_library(CONFIG).effects, other.effects)
    truth = make_library(CONFIG).truth()
    assert truth["density"].to_list() == make_library(CONFIG).effects[:, TRAITS.index("density")].tolist()
    assert "module" in truth.columns
