"""A task without labels predicts nothing and reads every encoding."""

from __future__ import annotations

from torch import nn

from hooke.molecules.encodings.config import EncodingConfig
from hooke.nn.graphs.label_free import LabelFree
from hooke.testing.samples import batch_of


def test_nothing_is_predicted() -> None:
    task, encodings = LabelFree(), EncodingConfig(random_walk=3)
    assert task.columns("graph") == []
    assert task.predict(nn.Identity(), batch_of(["C"])) == {}
    assert task.input_encodings(None, encodings) == encodings
