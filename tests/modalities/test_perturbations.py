"""Splits keep tested genes out of training; specs know what a model reads; the report compares with closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.cells.response_store import ResponseStore
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.how import QUIET
from hooke.core.recipe import SplitSection, load_recipe
from hooke.datasets.simulated_response import Config, Dataset
from hooke.modalities.perturbations import MODALITY, response_split


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ResponseStore:
    sizes = Config(modules=3, genes_a_module=4, readouts=20, cells=6, controls=10, pairs=20)
    return Dataset(sizes).prepare(tmp_path_factory.mktemp("stores"), QUIET)


def test_nothing_of_a_tested_gene_is_trained_on(store: ResponseStore) -> None:
    split = response_split(store, SplitSection("perturbation", (0.5, 0.25, 0.25)))
    genes = [
        {name for row in part for name in store.conditions.parts[row]}
        for part in (split.train, split.valid, split.test)
    ]
    tested = {
        name for row in split.test for name in store.conditions.parts[row] if len(store.conditions.parts[row]) == 1
    }
    assert len(split.train) + len(split.valid) + len(split.test) == len(store)
    assert not tested & (genes[0] | genes[1])
    with pytest.raises(DataError, match="contexts are too few"):
        response_split(store, SplitSection("context"))
    halves = response_split(store, SplitSection("context", (0.5, 0.0, 0.5)))
    assert {store.conditions.contexts[row] for row in halves.train} != {
        store.conditions.contexts[row] for row in halves.test
    }
    with pytest.raises(UnknownNameError):
        response_split(store, SplitSection("plate"))


def test_a_spec_has_the_graph_that_its_model_reads(store: ResponseStore, tmp_path: Path) -> None:
    rows = response_split(store, SplitSection("perturbation")).train
    graph = MODALITY.spec(store, rows, load_recipe("tiny_txpert"))
    alone = MODALITY.spec(store, rows, load_recipe("tiny_latent_additive"))
    assert len(graph.graph.first) > 0
    assert len(alone.graph.first) == 0
    assert graph.graph.genes == alone.graph.genes
    assert graph.known.sum() > alone.known.sum() == len(graph.trained)
    (tmp_path / "genes.txt").write_text("NEW1\nNEW2\n")
    wider = MODALITY.spec(store, rows, load_recipe("tiny_txpert", [f"perturbations.library={tmp_path / 'genes.txt'}"]))
    assert {*wider.graph.genes} - {*graph.graph.genes} == {"NEW1", "NEW2"}


def test_relations_of_the_data_must_be_there(tmp_path: Path) -> None:
    from hooke.datasets.own_screen import Dataset as Own

    twin = Own(__import__("hooke.datasets.own_screen", fromlist=["Config"]).Config()).twin(tmp_path)
    with pytest.raises(UsageError, match="no relations of genes come with these data"):
        MODALITY.spec(twin, np.arange(3), load_recipe("tiny_txpert"))
