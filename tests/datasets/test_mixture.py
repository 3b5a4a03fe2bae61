"""Own tables learned together: joined by molecule, every row accounted for, labels on their atoms, bonds and pairs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rdkit import Chem

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.how import How
from hooke.core.pt_files import write_integer_lists
from hooke.core.recipe import SplitSection, resolve
from hooke.datasets.mixture import Config, Dataset, TableOptions, of_files
from hooke.molecules.splitting import split_store
from hooke.molecules.store import MoleculeStore

SMILES = ("CCO", "c1ccncc1C(=O)N", "CC(=O)Oc1ccccc1C(=O)O", "F/C=C/Cl", "N[C@@H](CS)C(=O)O", "[NH4+].[Cl-]", "C")


def _mixed(folder: Path, tables: dict[str, dict[str, Any]], **options: Any) -> MoleculeStore:
    return Dataset(Config({name: TableOptions(**table) for name, table in tables.items()}, **options)).prepare(
        folder / "stores", How(show_progress=False)
    )


def _shuffled(smiles: str, seed: int, *, hydrogens: bool = False, base: int = 1) -> Chem.Mol:
    """Its atoms in another order, numbered in yet another one."""
    molecule = Chem.MolFromSmiles(smiles)
    if hydrogens:
        molecule = Chem.AddHs(molecule)
    generator = np.random.default_rng(seed)
    molecule = Chem.RenumberAtoms(molecule, generator.permutation(molecule.GetNumAtoms()).tolist())
    for atom, number in zip(molecule.GetAtoms(), generator.permutation(molecule.GetNumAtoms()).tolist(), strict=True):
        atom.SetAtomMapNum(number + base)
    return molecule


def _atoms(molecule: Chem.Mol) -> list[float]:
    """A number for each atom in the order of the numbers: its element and neighbours, the same for symmetric atoms."""
    numbered = sorted(molecule.GetAtoms(), key=lambda atom: atom.GetAtomMapNum())
    return [_of_atom(atom) for atom in numbered]


def _of_atom(atom: Chem.Atom) -> float:
    heavy = [other.GetAtomicNum() for other in atom.GetNeighbors() if other.GetAtomicNum() > 1]
    return atom.GetAtomicNum() + sum(heavy) / 1000


def _bonds(molecule: Chem.Mol) -> list[list[float]]:
    return [
        [bond.GetEndAtom().GetAtomMapNum(), bond.GetBeginAtom().GetAtomMapNum(), _of_bond(bond)]
        for bond in molecule.GetBonds()
    ]


def _of_bond(bond: Chem.Bond) -> float:
    return bond.GetBondTypeAsDouble() + bond.GetBeginAtom().GetAtomicNum() * bond.GetEndAtom().GetAtomicNum()


def _check_levels(store: MoleculeStore, table: str = "t") -> None:
    """Every atom, bond and pair of the store has the number that its molecule gives it."""
    assert len(store) == len(SMILES)
    names = [label.name for label in store.labels]
    for row, smiles in enumerate(store.smiles()):
        molecule = Chem.MolFromSmiles(smiles)
        found = store.read(np.array([row]))
        for atom, number in zip(molecule.GetAtoms(), found.arrays.atom_codes[:, 0], strict=True):
            assert atom.GetAtomicNum() == number  # the vocabulary of elements begins at hydrogen = 1
        if f"{table}/q" in names:
            np.testing.assert_allclose(
                found.targets["node"][:, 0], [_of_atom(atom) for atom in molecule.GetAtoms()], rtol=1e-6
            )
        if f"{table}/b" in names:
            expected = [
                _of_bond(molecule.GetBondBetweenAtoms(int(i), int(j))) for i, j in found.arrays.bond_atoms.tolist()
            ]
            np.testing.assert_allclose(found.targets["edge"][:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("hydrogens", [False, True])
@pytest.mark.parametrize("base", [0, 1])
def test_values_sit_on_their_atoms_whatever_the_order_of_the_numbers(
    tmp_path: Path, suffix: str, hydrogens: bool, base: int
) -> None:
    molecules = [_shuffled(smiles, seed, hydrogens=hydrogens, base=base + 100) for seed, smiles in enumerate(SMILES)]
    texts = [Chem.MolToSmiles(molecule) for molecule in molecules]
    for number in range(100, 200):  # RDKit writes no number 0
        texts = [text.replace(f":{number + base}]", f":{number + base - 100}]") for text in texts]
    atoms = [_atoms(molecule) for molecule in molecules]
    bonds = [[[i - 100, j - 100, value] for i, j, value in _bonds(molecule)] for molecule in molecules]
    cells: dict[str, Any] = {"ordered_smiles": texts, "q": atoms, "b": bonds}
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        pl.DataFrame(cells, strict=False).write_parquet(path)
    else:
        pl.DataFrame(
            {
                name: [text if isinstance(text, str) else json.dumps(text) for text in given]
                for name, given in cells.items()
            }
        ).write_csv(path)
    for level, label in (("node", "q"), ("edge", "b")):
        store = _mixed(tmp_path, {"t": {"path": str(path), "labels": (label,), "level": level}})
        assert [(label.name, label.level) for label in store.labels] == [(f"t/{label}", level)]
        _check_levels(store)


def test_atom_and_bond_properties_of_an_sd_file(tmp_path: Path) -> None:
    path = tmp_path / "t.sdf"
    with Chem.SDWriter(str(path)) as writer:
        for seed, smiles in enumerate(SMILES):
            molecule = _shuffled(smiles, seed, hydrogens=True)
            values = " ".join(f"{_of_atom(atom):.4f}" for atom in molecule.GetAtoms())
            orders = " ".join(f"{_of_bond(bond):g}" for bond in molecule.GetBonds())
            for atom in molecule.GetAtoms():
                atom.SetAtomMapNum(0)
            Chem.Kekulize(molecule, clearAromaticFlags=False)
            molecule.SetProp("atom.dprop.q", values)
            molecule.SetProp("bond.dprop.b", orders)
            writer.write(molecule)
    for level, column in (("node", "atom.dprop.q"), ("edge", "bond.dprop.b")):
        store = _mixed(tmp_path, {"t": {"path": str(path), "labels": (column,), "level": level}})
        assert store.metadata["ingest"]["rows_rejected"] == 0
        for row, smiles in enumerate(store.smiles()):
            molecule, found = Chem.MolFromSmiles(smiles), store.read(np.array([row]))
            if level == "node":
                expected = [_of_atom(atom) for atom in molecule.GetAtoms()]
            else:
                ends = found.arrays.bond_atoms.tolist()
                expected = [_of_bond(molecule.GetBondBetweenAtoms(i, j)) for i, j in ends]
            np.testing.assert_allclose(found.targets[level][:, 0], expected, rtol=1e-4)


def test_bonds_in_the_order_of_the_smiles_and_pairs_by_position(tmp_path: Path) -> None:
    smiles = "OC(=O)CN"
    pl.DataFrame({"smiles": [smiles], "b": ["[1, 2, 3, null]"], "d": ["[[0, 4, 3.5], [2, 0, 2.0]]"]}).write_csv(
        tmp_path / "t.csv"
    )
    tables = {
        level: {"path": str(tmp_path / "t.csv"), "labels": (column,), "level": level}
        for level, column in (("edge", "b"), ("pair", "d"))
    }
    store = _mixed(tmp_path, tables)
    assert len(store) == 1  # the file was named twice, its molecule is one
    molecule, found = Chem.MolFromSmiles(store.smiles()[0]), store.read(np.array([0]))
    bonds = {
        frozenset(molecule.GetAtomWithIdx(int(atom)).GetSymbol() for atom in pair): value
        for pair, value in zip(found.arrays.bond_atoms, found.targets["edge"][:, 0], strict=True)
    }
    assert np.isnan(bonds.pop(frozenset(("C", "N"))))  # the last bond as written
    assert bonds[frozenset(("C",))] == 3
    pairs = {
        frozenset((molecule.GetAtomWithIdx(int(i)).GetSymbol(), molecule.GetAtomWithIdx(int(j)).GetSymbol())): value
        for (i, j), value in zip(found.pair_index.T, found.targets["pair"][:, 0], strict=True)
    }
    assert pairs == {frozenset(("O", "N")): 3.5, frozenset(("O",)): 2.0}


@pytest.mark.parametrize(
    ("level", "cell", "reason"),
    [
        ("node", "[1, 2]", "2 values do not fit the 3 atoms"),
        ("node", "[[0, 1, 2]]", "do not fit"),
        ("node", "one two", "not a list of numbers"),
        ("edge", "[1]", "1 values do not fit the 2 bonds"),
        ("edge", "[[0, 2, 1.0]]", "no bond between atoms 0 and 2"),
        ("pair", "[1, 2, 3]", r"given as \[i, j, value\]"),
        ("pair", "[[0, 7, 1.0]]", r"\[0, 7\] names no two of the 3 atoms"),
        ("pair", "[[1, 1, 1.0]]", "atom 1 is paired with itself"),
        ("pair", "[[0, 1, 1.0], [1, 0, 2.0]]", "atoms 1 and 0 have two values"),
    ],
)
def test_what_does_not_fit_refuses_its_row_with_the_reason(tmp_path: Path, level: str, cell: str, reason: str) -> None:
    good = {"node": "[1, 2, 3]", "edge": "[1, 2]", "pair": "[[0, 2, 1.5]]"}[level]
    pl.DataFrame({"smiles": ["CCO", "CCN", "bad"], "v": [cell, good, good]}).write_csv(tmp_path / "t.csv")
    store = _mixed(tmp_path, {"t": {"path": str(tmp_path / "t.csv"), "labels": ("v",), "level": level}})
    assert store.smiles() == ["CCN"]
    rejected = pl.read_parquet(store.folder / "rejected.parquet").to_dicts()
    assert [(entry["row"], entry["what"]) for entry in rejected] == [(1, "row"), (3, "row")]
    assert re.search(reason, rejected[0]["reason"])
    assert store.metadata["tables"]["t"] == {
        "rows_read": 3, "rejected": 2, "tested_elsewhere": 0, "repeated": 0, "molecules": 1, "shared": 0,
    }  # fmt: skip


def test_atoms_without_a_number_among_numbered_ones_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"smiles": ["[CH3:1]O", "[CH3:1][CH3:2]"], "v": ["[1, 2]", "[3, 4]"]}).write_csv(tmp_path / "t.csv")
    store = _mixed(tmp_path, {"t": {"path": str(tmp_path / "t.csv"), "level": "node"}})
    assert store.smiles() == ["CC"]
    assert "some atoms have none" in pl.read_parquet(store.folder / "rejected.parquet")["reason"][0]


@pytest.fixture
def two(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Two tables that share OCC = CCO; `a` repeats it."""
    pl.DataFrame(
        {"smiles": ["OCC", "CC", "CCO", "CCC"], "y": [1.0, 2.5, 3.0, 4.5], "part": ["train", "test", "train", "valid"]}
    ).write_csv(tmp_path / "a.csv")
    pl.DataFrame(
        {"SMILES": ["CCO", "CC", "N", "?"], "z": [1, 0, 1, 0], "s": ["test", "train", "train", "train"]}
    ).write_csv(tmp_path / "b.csv")
    return {
        "a": {"path": str(tmp_path / "a.csv")},
        "b": {"path": str(tmp_path / "b.csv"), "labels": ("z",), "weight": 2.0},
    }


def test_equal_molecules_of_all_tables_are_one_row(two: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    two["a"]["labels"] = ("y",)
    store = _mixed(tmp_path, two)
    assert store.smiles() == ["CCO", "CC", "CCC", "N"]
    np.testing.assert_array_equal(
        store.graph_labels()[0], [[2.0, 1], [2.5, 0], [4.5, np.nan], [np.nan, 1]]
    )  # 1 and 3 of table a are the same molecule
    assert [(label.name, label.kind, label.weight) for label in store.labels] == [
        ("a/y", "regression", 1),
        ("b/z", "binary", 2),
    ]
    tables = store.tables()
    assert tables is not None
    assert tables.tolist() == [3, 3, 1, 2]
    counts = store.metadata["tables"]
    assert counts["a"] == {
        "rows_read": 4,
        "rejected": 0,
        "tested_elsewhere": 0,
        "repeated": 1,
        "molecules": 3,
        "shared": 2,
    }
    assert counts["b"] == {
        "rows_read": 4,
        "rejected": 1,
        "tested_elsewhere": 0,
        "repeated": 0,
        "molecules": 3,
        "shared": 2,
    }
    for of_table in counts.values():
        assert of_table["rows_read"] == sum(
            of_table[name] for name in ("rejected", "tested_elsewhere", "repeated", "molecules")
        )
    merged = pl.read_parquet(store.folder / "duplicates.parquet").to_dicts()
    assert {"row": 1, "table": "b", "merged_into": 1, "into_table": "a"} in merged
    ingest = store.metadata["ingest"]
    assert ingest["rows_read"] == ingest["rows_kept"] + ingest["rows_rejected"] + ingest["duplicates_merged"] == 8


def test_molecules_that_one_table_tests_on_leave_the_others_on_request(
    two: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    two["a"] |= {"labels": ("y",), "split": "part"}
    two["b"] |= {"split": "s"}
    apart = _mixed(tmp_path, two)
    assert sorted(apart.smiles()) == ["CC", "CC", "CCC", "CCO", "CCO", "N"]  # a row in each part
    store = _mixed(tmp_path, two, tested_apart=True)
    split = split_store(store, SplitSection("published"))
    smiles = np.array(store.smiles())
    assert [sorted(smiles[rows].tolist()) for rows in (split.train, split.valid, split.test)] == [
        ["N"],
        ["CCC"],
        ["CC", "CCO"],
    ]
    assert {name: count["tested_elsewhere"] for name, count in store.metadata["tables"].items()} == {"a": 2, "b": 1}
    reasons = pl.read_parquet(store.folder / "rejected.parquet")
    assert reasons.filter(pl.col("reason") == "tested on in table b")["row"].to_list() == [1, 3]
    assert reasons.filter(pl.col("reason") == "tested on in table a")["row"].to_list() == [2]
    ingest = store.metadata["ingest"]
    assert ingest["rows_read"] == ingest["rows_kept"] + ingest["rows_rejected"] + ingest["duplicates_merged"]


def test_fractions_put_equal_molecules_into_one_part(tmp_path: Path) -> None:
    from hooke.molecules.tables.twins import twin_smiles

    smiles = twin_smiles(400, seed=1)
    for name, some in (("a", smiles[:300]), ("b", smiles[100:])):
        pl.DataFrame({"smiles": some, "y": [float(len(text)) for text in some]}).write_csv(tmp_path / f"{name}.csv")
    tables = {name: {"path": str(tmp_path / f"{name}.csv"), "split": (0.5, 0.25, 0.25)} for name in "ab"}
    store = _mixed(tmp_path, tables)
    assert len(store) == 400  # none stands in two parts
    split = split_store(store, SplitSection("published"))
    assert [len(part) / 400 for part in (split.train, split.valid, split.test)] == pytest.approx(
        [0.5, 0.25, 0.25], abs=0.08
    )


def test_a_split_file_and_tables_without_a_split(two: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    write_integer_lists(tmp_path / "a.pt", {"train": [0, 1], "val": [2], "test": [3]})
    two["a"] |= {"labels": ("y",), "split": str(tmp_path / "a.pt")}
    store = _mixed(tmp_path, two)
    with pytest.raises(UsageError, match=r"no split of their own: b; set data.tables.b.split"):
        split_store(store, SplitSection("published"))
    with pytest.raises(UsageError, match="not split by random again"):
        split_store(store, SplitSection("random"))
    two["b"]["split"] = (1.0, 0.0, 0.0)
    split = split_store(_mixed(tmp_path, two), SplitSection("published"))
    assert [len(part) for part in (split.train, split.valid, split.test)] == [3, 1, 1]


def test_values_of_atoms_of_equal_molecules_are_merged(tmp_path: Path) -> None:
    pl.DataFrame({"smiles": ["CCO", "OCC", "CC"], "q": ["[1, 2, 3]", "[5, null, 2]", "[0, 0.5]"]}).write_csv(
        tmp_path / "q.csv"
    )
    pl.DataFrame({"smiles": ["C(O)C"], "c": ["[0, 1, 2]"], "d": ["[[0, 1, 1.5]]"]}).write_csv(tmp_path / "c.csv")
    tables = {
        "q": {"path": str(tmp_path / "q.csv"), "level": "node"},
        "c": {"path": str(tmp_path / "c.csv"), "level": "node", "labels": ("c",), "kind": "multiclass"},
        "d": {"path": str(tmp_path / "c.csv"), "level": "pair", "labels": ("d",)},
    }
    store = _mixed(tmp_path, tables)
    assert store.smiles() == ["CCO", "CC"]
    found = store.read(np.array([0, 1]))
    np.testing.assert_array_equal(found.targets["node"][:3], [[1.5, 2], [2, 0], [4, 1]])
    np.testing.assert_array_equal(found.targets["node"][3:, 0], [0, 0.5])
    assert found.pair_index.T.tolist() == [[1, 2]]
    assert store.metadata["ingest"]["conflicts"] == 2
    first = _mixed(tmp_path, tables, duplicates="first")
    np.testing.assert_array_equal(first.read(np.array([0])).targets["node"][:, 0], [1, 2, 3])
    with pytest.raises(DataError, match="conflict for the same molecule"):
        _mixed(tmp_path, tables, duplicates="error")


def test_options_are_checked(two: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a mixture needs tables"):
        Dataset(Config()).check()
    with pytest.raises(UsageError, match="without '/'"):
        resolve({"data": {"name": "mixture", "tables": {"a/b": {"path": "x"}}}})
    with pytest.raises(UsageError, match=r"data.tables.a.shar: unknown key|unknown key 'data.tables.a.shar'"):
        resolve({"data": {"name": "mixture", "tables": {"a": {"path": "x", "shar": 0.5}}}})
    with pytest.raises(UsageError, match=r"share must lie in \(0, 1\]"):
        resolve({"data": {"name": "mixture", "tables": {"a": {"path": "x", "share": 0.0}}}})
    with pytest.raises(UnknownNameError, match="table in task.tables 'b'. Did you mean 'a'|task.tables 'b'"):
        resolve(
            {
                "data": {"name": "mixture", "tables": {"a": {"path": "x"}}},
                "task": {"name": "multitask", "tables": {"b": {}}},
            }
        )
    with pytest.raises(UsageError, match="three fractions"):
        resolve({"data": {"name": "mixture", "tables": {"a": {"path": "x", "split": [0.5, 0.6, 0.1]}}}})
    with pytest.raises(UnknownNameError, match="Did you mean 'y'"):
        _mixed(tmp_path, {"a": {**two["a"], "labels": ("yy",)}})
    with pytest.raises(UsageError, match="holds lists of numbers"):
        _mixed(tmp_path, {"a": {**two["a"], "level": "node"}})
    with pytest.raises(UsageError, match="at most 64 tables"):
        _mixed(tmp_path, {f"t{number}": two["a"] for number in range(65)})
    with pytest.raises(UsageError, match="kept as they are"):
        from hooke.molecules.parse import StandardiseConfig

        twin = tmp_path / "q.csv"
        pl.DataFrame({"smiles": ["CC"], "q": ["[1, 2]"]}).write_csv(twin)
        Dataset(Config({"q": TableOptions(str(twin), level="node")})).prepare(
            tmp_path / "s", How(show_progress=False, sections={"standardise": StandardiseConfig(salts="largest")})
        )


def test_the_twin_has_labels_of_all_levels_and_is_found_again(tmp_path: Path) -> None:
    store = Dataset(Config()).twin(tmp_path)
    assert {label.level for label in store.labels} == {"graph", "node", "edge", "pair"}
    assert Dataset(Config()).twin(tmp_path).folder == store.folder
    for row in range(len(store)):
        found, molecule = store.read(np.array([row])), Chem.MolFromSmiles(store.smiles()[row])
        charges = found.targets["node"][:, 0]
        if not np.isnan(charges).any():
            np.testing.assert_allclose(charges, [atom.GetAtomicNum() / 10 for atom in molecule.GetAtoms()], rtol=1e-6)
        for (i, j), distance in zip(found.pair_index.T.tolist(), found.targets["pair"][:, 0], strict=True):
            assert Chem.GetDistanceMatrix(molecule)[i, j] == distance
        for (i, j), order in zip(found.arrays.bond_atoms.tolist(), found.targets["edge"][:, 0], strict=True):
            assert np.isnan(order) or molecule.GetBondBetweenAtoms(i, j).GetBondTypeAsDouble() == order


def test_files_become_tables_by_their_names(two: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = [Path(two["a"]["path"]), Path(two["b"]["path"]), tmp_path / "other" / "a.csv"]
    files[2].write_text("structure,y\nCC,1.5\n")
    found = of_files(files, smiles="structure", targets=["y", "z"], transforms={"y": "log10"})
    assert found == {
        "a": {"path": str(files[0]), "transforms": {"y": "log10"}, "labels": ["y"]},
        "b": {"path": str(files[1]), "labels": ["z"]},
        "a-2": {"path": str(files[2]), "smiles": "structure", "transforms": {"y": "log10"}, "labels": ["y"]},
    }
    assert of_files(files[:2], smiles=None, targets="auto", transforms={}) == {
        name: {"path": two[name]["path"]} for name in "ab"
    }
    with pytest.raises(UsageError, match="named twice"):
        of_files([files[0], files[0]], smiles=None, targets="auto", transforms={})
    with pytest.raises(UsageError, match="has none of the targets z"):
        of_files(files[:2], smiles=None, targets=["z"], transforms={})
    with pytest.raises(UnknownNameError, match="target column"):
        of_files(files[:2], smiles=None, targets=["zz"], transforms={})
