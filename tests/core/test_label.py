from __future__ import annotations

import json

import pytest

from hooke.core.label import KINDS, Label
from hooke.molecules.spec import LEVELS


def test_a_label_survives_json() -> None:
    label = Label("moa", "node", "ordinal", classes=5, unit="", weight=0.5, source="l1000")
    assert Label(**json.loads(json.dumps(label.to_json()))) == label


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ("a", "b")}, "2 names for 0 classes"),
        ({"kind": "number"}, "kind must be one of"),
        ({"kind": "multiclass"}, "with 0 classes"),
        ({"kind": "ordinal", "classes": 1}, "with 1 classes"),
        ({"kind": "regression", "classes": 3}, "with 3 classes"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], message: str) -> None:
    # built past beartype, as a JSON file would: the label itself must refuse
    fields = {**Label("x").to_json(), **changes}
    label = object.__new__(Label)
    for name, value in fields.items():
        object.__setattr__(label, name, value)
    with pytest.raises(ValueError, match=message):
        label.__post_init__()


def test_every_level_and_kind_can_be_a_label() -> None:
    for level in LEVELS:
        for kind in KINDS:
            classes = 3 if kind in ("multiclass", "ordinal") else 0
            assert Label("x", level, kind, classes=classes).level == level
