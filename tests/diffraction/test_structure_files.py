from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from tests.diffraction.conftest import pdb_line, write_pdb

from hooke.core.errors import DataError, HookeError, UsageError
from hooke.diffraction.structure import read_structure

CIF = """data_TEST
# a comment
_entry.id TEST
_struct.title
;A title with
loop_ in it
;
loop_
_atom_site.group_PDB
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.auth_seq_id
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
_atom_site.pdbx_PDB_model_num
ATOM C CA . ALA A 1 1.0 2.0 3.0 1.00 20.0 1
ATOM O "O5'" . ALA A 1 4.0 2.0 3.0 0.50 10.0 1
HETATM MG MG . MG B 2 0.0 0.0 8.0 1.00 5.0 1
ATOM C CA . ALA A 1 9.0 9.0 9.0 1.00 20.0 2
#
loop_
_pdbx_struct_assembly_gen.assembly_id
_pdbx_struct_assembly_gen.oper_expression
_pdbx_struct_assembly_gen.asym_id_list
1 '(1-2)(P)' A,B
2 1 B
#
loop_
_pdbx_struct_oper_list.id
_pdbx_struct_oper_list.matrix[1][1]
_pdbx_struct_oper_list.matrix[1][2]
_pdbx_struct_oper_list.matrix[1][3]
_pdbx_struct_oper_list.vector[1]
_pdbx_struct_oper_list.matrix[2][1]
_pdbx_struct_oper_list.matrix[2][2]
_pdbx_struct_oper_list.matrix[2][3]
_pdbx_struct_oper_list.vector[2]
_pdbx_struct_oper_list.matrix[3][1]
_pdbx_struct_oper_list.matrix[3][2]
_pdbx_struct_oper_list.matrix[3][3]
_pdbx_struct_oper_list.vector[3]
1 1 0 0 0 0 1 0 0 0 0 1 0
2 -1 0 0 0 0 -1 0 0 0 0 1 0
P 1 0 0 10 0 1 0 0 0 0 1 0
"""


def test_both_formats_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text(CIF)
    lines = [
        pdb_line(1, "CA", "C", (1, 2, 3)),
        pdb_line(2, "O5'", "O", (4, 2, 3), occupancy=0.5, b=10),
        pdb_line(3, "MG", "MG", (0, 0, 8), b=5, residue="MG", chain="B", record="HETATM"),
    ]
    (tmp_path / "a.pdb").write_text("MODEL 1\n" + "\n".join(lines) + "\nENDMDL\nMODEL 2\n" + lines[0] + "\nENDMDL\n")
    first, second = read_structure(tmp_path / "a.pdb"), read_structure(tmp_path / "a.cif")
    for name in ("positions", "elements", "occupancies", "displacement"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert second.elements.tolist() == ["C", "O", "Mg"]
    assert first.notes == second.notes == ("of 2 models the first is taken",)
    with gzip.open(tmp_path / "b.cif.gz", "wt") as file:
        file.write(CIF)
    assert len(read_structure(tmp_path / "b.cif.gz")) == 3


def test_assemblies(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text(CIF)
    whole = read_structure(tmp_path / "a.cif", assembly="1")
    assert len(whole) == 6
    # the operator P first: x + 10, then the half turn about z
    spread = whole.positions - whole.positions[0]
    np.testing.assert_allclose(spread[3], [-22, -4, 0])
    assert len(read_structure(tmp_path / "a.cif", assembly="2")) == 1
    with pytest.raises(UsageError, match="unknown assembly of a.cif '3'"):
        read_structure(tmp_path / "a.cif", assembly="3")
    remark = (
        "REMARK 350 BIOMOLECULE: 1\nREMARK 350 APPLY THE FOLLOWING TO CHAINS: A,\nREMARK 350                    AND CHAINS: C\n"
        "REMARK 350   BIOMT1   1  1.0 0.0 0.0 0.0\nREMARK 350   BIOMT2   1  0.0 1.0 0.0 0.0\nREMARK 350   BIOMT3   1  0.0 0.0 1.0 0.0\n"
        "REMARK 350   BIOMT1   2 -1.0 0.0 0.0 0.0\nREMARK 350   BIOMT2   2  0.0 -1.0 0.0 0.0\nREMARK 350   BIOMT3   2  0.0 0.0 1.0 5.0\n"
    )
    atoms = [pdb_line(n, "CA", "C", (n, 0, 0), chain=chain) for n, chain in enumerate("ABC", 1)]
    (tmp_path / "a.pdb").write_text(remark + "\n".join(atoms))
    made = read_structure(tmp_path / "a.pdb", assembly="1")
    np.testing.assert_allclose(made.positions - made.positions[0], [[0, 0, 0], [2, 0, 0], [-2, 0, 5], [-4, 0, 5]])


def test_alternate_locations(tmp_path: Path) -> None:
    lines = [
        pdb_line(1, "CA", "C", (0, 0, 0)),
        pdb_line(2, "CB", "C", (1, 0, 0), alternate="A", occupancy=0.3),
        pdb_line(3, "CB", "C", (2, 0, 0), alternate="B", occupancy=0.6),
        pdb_line(4, "CB", "C", (9, 0, 0), sequence=2, alternate="A", occupancy=0.5),
    ]
    (tmp_path / "a.pdb").write_text("\n".join(lines))
    assert read_structure(tmp_path / "a.pdb").occupancies.tolist() == [1, 0.3, 0.6, 0.5]
    best = read_structure(tmp_path / "a.pdb", alternates="highest")
    np.testing.assert_allclose(best.occupancies, [1, 0.9, 0.5])
    np.testing.assert_allclose(best.positions[:, 0] - best.positions[0, 0], [0, 2, 9])
    with pytest.raises(UsageError, match="unknown choice of alternate locations"):
        read_structure(tmp_path / "a.pdb", alternates="first")


def test_elements_that_files_get_wrong(tmp_path: Path) -> None:
    lines = [
        pdb_line(1, "HO2'", "HO", (0, 0, 0)),
        pdb_line(2, "HO", "HO", (1, 0, 0), residue="HO3", record="HETATM"),
        pdb_line(3, "HG11", "HG", (2, 0, 0)),
        pdb_line(4, "D1", "D", (3, 0, 0)),
        pdb_line(5, "CA", "", (4, 0, 0)),
        pdb_line(6, "1HB", "", (5, 0, 0)),
    ]
    (tmp_path / "a.pdb").write_text("\n".join(lines))
    made = read_structure(tmp_path / "a.pdb")
    assert made.elements.tolist() == ["H", "Ho", "H", "H", "C", "H"]
    assert sum(int(note.split()[0]) for note in made.notes) == 5
    (tmp_path / "b.pdb").write_text(pdb_line(1, "QQ", "QQ", (0, 0, 0)))
    with pytest.raises(DataError, match=r"b.pdb line 1: 'QQ' is no element"):
        read_structure(tmp_path / "b.pdb")
    (tmp_path / "b.pdb").write_text(pdb_line(1, "X9", "", (0, 0, 0)))
    with pytest.raises(DataError, match="its name does not tell"):
        read_structure(tmp_path / "b.pdb")


def test_occupancies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    zero = [pdb_line(n, "CA", "C", (n, 0, 0), occupancy=0.0) for n in range(3)]
    (tmp_path / "a.pdb").write_text("\n".join(zero))
    assert read_structure(tmp_path / "a.pdb").occupancies.tolist() == [1, 1, 1]
    assert "a.pdb: the occupancy of all 3 atoms is 0; 1 is taken" in caplog.text
    some = [
        *zero[:2],
        pdb_line(3, "CA", "C", (3, 0, 0), occupancy=1.5),
        pdb_line(4, "CA", "C", (3, 0, 0), occupancy=" " * 6, b=-2),
    ]
    (tmp_path / "a.pdb").write_text("\n".join(some))
    made = read_structure(tmp_path / "a.pdb")
    assert made.occupancies.tolist() == [0, 0, 1, 1]
    assert made.displacement.tolist() == [20, 20, 20, 0]
    assert len(made.notes) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no atom"),
        (pdb_line(1, "CA", "C", (0, 0, 0))[:50], "line 1 is truncated"),
        (
            pdb_line(1, "CA", "C", (0, 0, 0)).replace("   0.000   0.000", "     nan   0.000", 1),
            "line 1: the coordinate x is 'nan'",
        ),
        (
            pdb_line(1, "CA", "C", (0, 0, 0)).replace("   0.000   0.000", "   0.0x0   0.000", 1),
            "line 1: the coordinate x is '0.0x0'",
        ),
        (pdb_line(1, "CA", "C", (0, 0, 0), occupancy=-1), "line 1: the occupancy is -1"),
        (pdb_line(1, "CA", "C", (0, 0, 0), occupancy="  abc "), "line 1: the occupancy is 'abc'"),
        ("REMARK 350   BIOMT1   1  1.0 0.0\n", "line 1: a row of an operator has 4 numbers, not 2"),
    ],
)
def test_bad_pdb_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.pdb").write_text(text)
    with pytest.raises(DataError, match=r"a\.pdb") as caught:
        read_structure(tmp_path / "a.pdb")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("_atom_site.Cartn_x", "_atom_site.other", "it lacks _atom_site.cartn_x"),
        ("1.0 2.0 3.0 1.00", "1.0 ? 3.0 1.00", "atom 1: the coordinate y is '?'"),
        ("3.0 1.00 20.0 1\n", "3.0 1.00 20.0\n", "values for 13 columns"),
        ("'(1-2)(P)'", "'(1-2)(Q)'", "applies the operator 'Q'"),
        ("HETATM MG", "HETATM QQ", "atom 3: 'QQ' is no element"),
    ],
)
def test_bad_cif_files(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "a.cif").write_text(CIF.replace(old, new, 1))
    with pytest.raises(DataError, match=r"a\.cif") as caught:
        read_structure(tmp_path / "a.cif", assembly="1")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["a.pdb", "a.cif"])
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(CIF) if name == "a.cif" else write_pdb(path)
    whole = path.read_bytes()
    lines: list[int] = []
    rng = np.random.default_rng(0)
    for trial in range(80):
        data = bytearray(whole)
        if trial % 4 == 0:
            data = data[: rng.integers(0, len(whole))]
        for _ in range(int(rng.integers(0, 6))):
            if len(data):
                data[rng.integers(0, len(data))] = rng.integers(0, 256)
        path.write_bytes(bytes(data))
        try:
            made = read_structure(path)
        except HookeError as error:
            lines.append(str(error).count("\n"))
        else:
            assert np.isfinite(made.positions).all()
    assert len(lines) > 5
    assert set(lines) == {0}


def test_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="structures end in .pdb"):
        read_structure(tmp_path / "a.xyz")
    with pytest.raises(DataError, match="does not exist"):
        read_structure(tmp_path / "a.pdb")
    (tmp_path / "w.pdb").write_text(pdb_line(1, "O", "O", (0, 0, 0), residue="HOH"))
    with pytest.raises(DataError, match="no atom but water"):
        read_structure(tmp_path / "w.pdb", waters=False)
