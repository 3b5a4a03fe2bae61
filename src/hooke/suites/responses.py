"""Models of responses on tables of scores: genes, pairs, compounds and contexts that were not seen, beside baselines and changed graphs."""

from __future__ import annotations

from hooke.suites import ResponseSuite, ResponseTask

SUITE = ResponseSuite(
    name="responses",
    title="Responses to perturbations",
    tasks=(
        ResponseTask(
            "horlbeck",
            "horlbeck",
            "unseen_gene",
            ("no_change", "global_mean", "nearest_neighbours", "graph_kernel_ridge"),
        ),
    ),
)
