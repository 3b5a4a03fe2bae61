from __future__ import annotations

import numpy as np

from hooke.evaluate.retrieval import compound_gene_benchmark


def test_the_best_dose_and_either_direction_count() -> None:
    generator = np.random.default_rng(0)
    genes = generator.normal(size=(40, 12))
    names = [f"g{number}" for number in range(40)]
    compounds = np.stack(
        [generator.normal(size=12), -genes[3] + 0.1 * generator.normal(size=12), generator.normal(size=12)]
    )
    targets = {"inhibitor": ["g3"], "unknown": ["elsewhere"], "absent": ["g1"]}
    [found] = compound_gene_benchmark(
        compounds, ["inhibitor", "inhibitor", "unknown"], genes, names, targets, generator=generator
    )
    assert found.compound == "inhibitor"
    assert found.auroc == 1
    assert found.average_precision == 1
    assert (found.targets, found.others) == (1, 39)
    assert found.chance == 1 / 40
    [fewer] = compound_gene_benchmark(
        compounds, ["inhibitor", "inhibitor", "unknown"], genes, names, targets, generator=generator, others=9
    )
    assert fewer.others == 9
    assert fewer.chance == 0.1
