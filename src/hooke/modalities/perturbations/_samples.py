"""Conditions of all shapes, for the contract kit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hooke.cells.conditions import Conditions
from hooke.cells.graph import EdgeSource, graph_of
from hooke.cells.perturbations import Perturbation, Treatment, of_genes
from hooke.cells.response_spec import LEVEL, ResponseSpec
from hooke.core.label import Label
from hooke.core.types import LabelStatistics
from hooke.modalities import Follow, Sample
from hooke.modalities.perturbations.source import batch_of

if TYPE_CHECKING:
    from torch import Tensor

    from hooke.cells.batch import ResponseBatch


def sample(seed: int) -> Sample:
    """See `Perturbations.sample`."""
    generator = np.random.default_rng(seed)
    genes = tuple("ABCDEFGH")
    first = pl.DataFrame({"first": list("AABCDE"), "second": list("BCDDEF"), "weight": [1.0, 3.0, 2.0, 1.0, 2.0, 1.0]})
    second = pl.DataFrame({"first": list("AAC"), "second": list("BEF"), "weight": [1.0, 2.0, 1.0]})
    graph = graph_of({EdgeSource("one", "none needed"): first, EdgeSource("two", "none needed"): second}).over(genes)
    labels = tuple(Label(f"R{number}", LEVEL) for number in range(5))
    statistics = LabelStatistics(np.full(5, 10.0), np.linspace(-0.5, 0.5, 5), np.linspace(0.5, 1.5, 5))
    spec = ResponseSpec(
        labels, {LEVEL: statistics}, graph, ("A", "C", "E"), ("one", "two"), generator.uniform(0, 3, (2, 5)), "log1p", "gine:tiny"
    )  # fmt: skip
    drug = [Treatment("drug", 1.0, "uM", 24.0), Treatment("other", 10.0, "ug/mL"), Treatment("drug")]
    done = [
        of_genes("A"), of_genes("B"), of_genes("A", "C"), Perturbation(treatment=drug[0]), of_genes("D", "E"), Perturbation(treatment=drug[1]),
        of_genes("F"), Perturbation(treatment=drug[2]), of_genes("H"), of_genes("A", "B", "C"), of_genes("A", "Z"),
    ]  # fmt: skip
    structures = {"drug": "CCO", "other": "c1ccccc1N"}
    contexts = [spec.contexts[row % 2] for row in range(len(done))]
    targets = generator.normal(size=(len(done), 5))
    targets[1, 2] = targets[3, 0] = np.nan

    def batch(places: Sequence[int], wanted: ResponseSpec) -> ResponseBatch:
        chosen = list(places)
        conditions = Conditions.of((done[place] for place in chosen), (contexts[place] for place in chosen))
        smiles = [
            "" if each.treatment is None else structures[each.treatment.compound] for each in conditions.perturbations
        ]
        columns = [labels.index(label) for label in wanted.labels]
        return batch_of(conditions, wanted, np.array(chosen), smiles, targets[chosen][:, columns] if columns else None)

    return Sample(spec, 8, batch, {"a gene that nobody knows": [8], "three genes": [9], "beyond the graph": [10, 0]})


def reordered(batch: ResponseBatch, generator: np.random.Generator) -> tuple[ResponseBatch, Follow]:
    """The genes of each set in reverse."""
    import torch

    offsets = batch.offsets.tolist()
    order = [place for start, stop in itertools.pairwise(offsets) for place in reversed(range(start, stop))]

    def follow(level: str, values: Tensor) -> Tensor:
        return values

    return replace(batch, nodes=batch.nodes[torch.tensor(order, dtype=torch.int64)]), follow
