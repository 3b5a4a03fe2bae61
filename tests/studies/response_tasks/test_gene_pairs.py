from __future__ import annotations

import numpy as np

from hooke.studies.response_tasks.gene_pairs import pairs
from hooke.suites import ResponseTask
from hooke.testing.response_models import GENES, made_knowledge

TASK = ResponseTask("made", "horlbeck", "gene_pairs", ("matching_mean", "signed_low_rank"))


def test_planted_interactions_on_all_three_splits() -> None:
    generator, graph = np.random.default_rng(0), made_knowledge().graph
    assert graph is not None
    vectors = np.repeat(generator.normal(size=(8, 2)), 3, axis=0)
    scores = vectors @ np.diag([1.0, -1.0]) @ vectors.T + 0.1 * generator.normal(size=(24, 24))
    both, one, none = pairs(TASK, [*GENES], scores + scores.T, graph)
    assert [each.split for each in (both, one, none)] == [
        "pairs, both genes seen", "pairs, one gene seen", "pairs, no gene seen"
    ]  # fmt: skip
    assert (both.count, none.count) == (276, 4 * 10 + 6)
    assert both.count == 276
    best = both.of("signed_low_rank")
    assert best.score is not None
    assert best.score > 0.9
    assert both.verdict.startswith("signed_low_rank is better")
    assert one.verdict.startswith("the graph helps: signed_low_rank")
    plain, rewired = none.of("signed_low_rank").score, none.of("signed_low_rank, rewired 1").score
    assert plain is not None
    assert rewired is not None
    assert plain > 0.5 > rewired
    assert none.of("matching_mean").fallbacks == none.count
