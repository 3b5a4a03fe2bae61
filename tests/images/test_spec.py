from __future__ import annotations

import json

from hooke.core.label import Label
from hooke.images.spec import LEVEL, ImageSpec


def test_a_spec_survives_json() -> None:
    classes = Label("perturbation", LEVEL, "multiclass", 2, names=("DMSO", "taxol"))
    spec = ImageSpec(("DNA", "ER"), ("b1",), (classes, Label("area", LEVEL)))
    assert ImageSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.classes == classes
    assert ImageSpec(("DNA",), labels=spec.labels[1:]).classes is None
