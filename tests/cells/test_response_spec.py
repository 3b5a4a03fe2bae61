"""What is known of genes: those of training, and those connected to them."""

from __future__ import annotations

import numpy as np

from hooke.cells.graph import Graph
from hooke.cells.response_spec import LEVEL, ResponseSpec, without_edges
from hooke.core.json_text import json_text
from hooke.modalities import modality


def test_genes_are_known_by_training_or_by_a_path() -> None:
    spec: ResponseSpec = modality("perturbations").sample().spec
    known = dict(zip(spec.graph.genes, spec.known.tolist(), strict=True))
    assert known == {**dict.fromkeys("ABCDEF", True), "G": False, "H": False}
    assert spec.unknown(["A", "F"]) == ""
    assert "H: not perturbed in training" in spec.unknown(["A", "H", "Z"])
    assert "Z: not among the genes" in spec.unknown(["A", "H", "Z"])


def test_without_edges_training_alone_makes_known() -> None:
    graph: Graph = without_edges(("A", "B"))
    assert graph.degrees.tolist() == [0, 0]
    assert ResponseSpec(graph=graph, trained=("B",)).known.tolist() == [False, True]
    assert ResponseSpec().known.shape == (0,)


def test_json_gives_the_spec_back() -> None:
    spec: ResponseSpec = modality("perturbations").sample().spec
    again = ResponseSpec.from_json(spec.to_json())
    assert json_text(again.to_json()) == json_text(spec.to_json())
    assert np.array_equal(again.controls, spec.controls)
    assert np.array_equal(again.statistics[LEVEL].std, spec.statistics[LEVEL].std)
    assert np.array_equal(again.known, spec.known)
