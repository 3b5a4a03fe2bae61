"""Explanations of responses: faithful to the model, to the truth, and to sources outside the graph, each beside a null that keeps degrees."""

from __future__ import annotations

from hooke.suites import ExplanationSuite, ExplanationTask

_OUTSIDE = {
    "graph": ("StringDB", "Reactome"),
    "relations": ("HuMAP",),
}  # HuMAP is not in the graph whose recall is measured
SUITE = ExplanationSuite(
    name="explanations",
    title="Explanations of responses",
    tasks=(
        ExplanationTask("horlbeck", "horlbeck", "gene_neighbours", _OUTSIDE),
        ExplanationTask("regulators", "regulators", "regulator_effects"),
        ExplanationTask("sachs", "sachs", "inhibitor_effects"),
    ),
)
