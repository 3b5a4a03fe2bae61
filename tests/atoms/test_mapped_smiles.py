from __future__ import annotations

import pytest

from hooke.atoms.mapped_smiles import mapped_atoms


def test_atoms_come_by_map_number_or_as_written() -> None:
    text = "[H:3][O:1][H:2]"
    assert mapped_atoms(text, "map")[0].tolist() == [8, 1, 1]
    assert mapped_atoms(text, "smiles")[0].tolist() == [1, 8, 1]
    numbers, charge = mapped_atoms("[Na+:2].[Cl-:1]", "map")
    assert (numbers.tolist(), charge) == ([17, 11], 0)
    assert mapped_atoms("[H:2][N+:1]([H:3])([H:4])[H:5]", "map")[1] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [("[H:1][O:1]", "not 1 to 2"), ("CC", "not 1 to 2"), ("C(", "not a SMILES"), ("", "not a SMILES")],
)
def test_wrong_maps(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mapped_atoms(text, "map")
