from __future__ import annotations

import numpy as np

from hooke.estimators.responses import Knowledge, Named
from hooke.evaluate.kernels import MeanKernel
from hooke.molecules.tables.twins import twin_smiles
from hooke.studies.response_tasks.drug_response import BASELINE, SPLITS, encoder_kernel, splits, structure_kernel
from hooke.suites import ResponseTask

TASK = ResponseTask("made", "gdsc", "drug_response", ("kronecker_ridge",))


def test_kernels_of_structures() -> None:
    smiles = twin_smiles(8, seed=0)
    for kernel in (structure_kernel(smiles), encoder_kernel(smiles, "tiny")):
        assert kernel.shape == (8, 8)
        assert np.allclose(np.diag(kernel), 1)
        assert np.linalg.eigvalsh(kernel).min() > -1e-6


def test_planted_kernels_are_found_on_all_splits() -> None:
    generator = np.random.default_rng(0)
    smiles, lines = twin_smiles(40, seed=0), [f"L{line}" for line in range(30)]
    names = [f"GDSC:{row}" for row in range(40)]
    one, two = generator.normal(size=(40, 2)), generator.normal(size=(30, 2))
    first, second = MeanKernel.of(one).among(), MeanKernel.of(two).among()
    values = (
        first @ generator.normal(size=(40, 1))
        + second @ generator.normal(size=30)
        + 0.1 * generator.normal(size=(40, 30))
    )
    values[generator.random(values.shape) < 0.2] = np.nan
    known = {"": Knowledge(kernel=Named(tuple(names), first), context_kernel=Named(tuple(lines), second))}
    found = list(splits(TASK, names, smiles, lines, values, known))
    assert [each.split for each in found] == [*SPLITS]
    for each in found:
        assert each.of(BASELINE).gain is None
        assert each.of("kronecker_ridge").gain_high < 0  # type: ignore[operator]
        assert each.verdict.startswith("kronecker_ridge is better")
        assert each.references["r of kronecker_ridge"] > 0.9
    assert "r within compounds of kronecker_ridge" in found[0].references
    measured = int(np.isfinite(values).sum())
    assert found[0].count == found[1].count == measured
    assert found[2].count < measured / 3
