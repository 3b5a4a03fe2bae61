from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from hooke.atoms.formats import Contents, resolve
from hooke.atoms.keys import Keys
from hooke.core.errors import UsageError
from hooke.core.hashing import content_hash

CONTENTS = Contents(("energy", "gap"), ("forces",), Keys(numbers="z", positions="R", charge="q"))


def test_keys_are_records_that_name_a_store() -> None:
    assert content_hash(Keys(("a",))) != content_hash(Keys(("b",)))
    with pytest.raises(FrozenInstanceError):
        Keys().numbers = "z"  # type: ignore[misc]
    assert all(field.default in ("", ()) for field in fields(Keys))  # nothing is stated by default


def test_stated_keys_are_worth_more_than_those_of_the_file() -> None:
    keys = resolve(Keys(charge="total", properties=("gap",)), CONTENTS, "a.npz")
    assert (keys.energies, keys.forces) == (("energy",), ("forces",))
    assert (keys.numbers, keys.positions, keys.charge, keys.properties) == ("z", "R", "total", ("gap",))
    assert resolve(Keys(("none",), ("none",)), CONTENTS, "a.npz").energies == ()
    with pytest.raises(UsageError, match=r"a\.npz holds no E, e \(energy_keys\)"):
        resolve(Keys(("E", "e")), CONTENTS, "a.npz")
