from __future__ import annotations

import numpy as np

from hooke.studies.response_tasks.other_donor import unseen_in_one_donor
from hooke.suites import ResponseTask
from hooke.testing.response_models import GENES, made_knowledge

TASK = ResponseTask("made", "crispr_screens", "other_donor", ("global_mean", "nearest_neighbours"))


def test_a_planted_graph_in_both_donors() -> None:
    generator, graph = np.random.default_rng(0), made_knowledge().graph
    assert graph is not None
    shared = np.repeat(generator.normal(size=8), 3)[:, None] * [1.0, 2.0]
    found = unseen_in_one_donor(TASK, "made", [*GENES], shared + 0.3 * generator.normal(size=(24, 2)), graph)
    assert found.split == "made, unseen gene against the other donor"
    assert found.verdict.startswith("the graph helps: nearest_neighbours")
    assert 0.7 < found.references["other donor"] < 1
    rewired = max(found.of(f"nearest_neighbours, rewired {number}").score or -1 for number in (1, 2, 3))
    assert (found.of("nearest_neighbours").score or 0) > rewired + 0.2
    noise = unseen_in_one_donor(TASK, "noise", [*GENES], generator.normal(size=(24, 2)), graph)
    assert noise.verdict.startswith("the graph does not help")
