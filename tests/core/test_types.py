from __future__ import annotations

from hooke.core.label import Label
from hooke.core.types import labels_of
from hooke.molecules.spec import MoleculeSpec


def test_labels_of_a_level_keep_their_order() -> None:
    spec = MoleculeSpec((Label("b"), Label("charge", "node"), Label("a")))
    assert [label.name for label in labels_of(spec, "graph")] == ["b", "a"]
    by_name = {label.name: label for label in spec.labels}
    assert by_name["charge"] == Label("charge", "node")
    assert "none" not in by_name
