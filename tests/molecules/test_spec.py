from __future__ import annotations

import json

import numpy as np
import pytest

from hooke.core.label import Label
from hooke.core.types import LabelStatistics
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.spec import MoleculeSpec


def test_a_spec_survives_json() -> None:
    statistics = {"graph": LabelStatistics(np.array([3.0]), np.array([1.5]), np.array([0.25]))}
    spec = MoleculeSpec((Label("a"),), statistics, EncodingConfig(random_walk=4), StandardiseConfig(stereo="drop"))
    found = MoleculeSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert (found.labels, found.encodings, found.standardise) == (spec.labels, spec.encodings, spec.standardise)
    np.testing.assert_equal(found.statistics["graph"]._asdict(), statistics["graph"]._asdict())


def test_levels_are_those_of_molecules() -> None:
    with pytest.raises(ValueError, match="level must be one of"):
        MoleculeSpec((Label("a", "field"),))
