"""Scores of made-up ensembles, whose values are known beforehand, and the published protocol on real references."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from rdkit import Chem

from hooke.api.conformers import generate
from hooke.atoms.conformers.rdkit_conformers import positions_of, with_positions
from hooke.atoms.etkdg import EmbeddedMolecule
from hooke.atoms.formats import sdf
from hooke.core.errors import DataError, UsageError
from hooke.workflows.conformer_scores import score_files

QUIET = {"workers": 0, "show_progress": False}


def written(path: Path, *molecules: Chem.Mol) -> Path:
    sdf.write_molecules(path, [
        with_positions(molecule, positions_of(molecule)[[number]]) for molecule in molecules for number in range(molecule.GetNumConformers())
    ])  # fmt: skip
    return path


def conformers(smiles: str, count: int, seed: int = 1) -> Chem.Mol:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(smiles), several=True)
    return with_positions(molecule.molecule, molecule.conformers(count, seed))


def test_references_against_themselves_are_perfect(tmp_path: Path) -> None:
    references = written(
        tmp_path / "references.sdf", conformers("CCCO", 3), conformers("C[C@H](F)Cl", 2), conformers("O", 1)
    )
    found = score_files(references, references, baselines=False, **QUIET)
    [mine] = found.systems
    assert (found.molecules, found.references, found.samples, found.unmatched) == (3, 6, 6, 0)
    for summary in (mine.strict, mine.flexible):
        assert [each.value for each in summary.coverage_recall] == [1.0] * 7
        assert summary.recall.value < 1e-3
        assert summary.precision.value < 1e-3
    assert mine.stereo.value == mine.valid.value == 1.0
    assert found.table()[1][0][0] == "samples"


def test_other_isomers_count_in_the_flexible_pairing_alone(tmp_path: Path) -> None:
    """Two enantiomers of three heavy substituents: without regard to hydrogens they can be laid onto one another by no rotation."""
    right, wrong = conformers("C[C@H](F)Cl", 2), conformers("C[C@@H](F)Cl", 1)
    references = written(tmp_path / "references.sdf", right)
    found = score_files(written(tmp_path / "samples.sdf", wrong, right), references, baselines=False, **QUIET)
    [mine] = found.systems
    [molecule] = mine.molecules
    assert (molecule.samples, molecule.wrong_isomer, molecule.flexible_samples) == (3, 1, 3)
    assert mine.strict.coverage_precision[-1].value == pytest.approx(2 / 3)
    assert mine.strict.recall.value < 1e-3
    assert mine.stereo.value == pytest.approx(2 / 3)
    first = score_files(tmp_path / "samples.sdf", references, number=1, baselines=False, **QUIET).systems[0]
    assert first.strict.without == 1
    assert first.strict.coverage_recall[-1].value == 0
    assert first.flexible.without == 0


def test_isomers_are_told_apart_by_what_the_file_states(tmp_path: Path) -> None:
    """Both enantiomers are references; a sample of the first that came out as the second is wrong, where the file says what was meant."""
    one, other = conformers("C[C@H](F)Cl", 1), conformers("C[C@@H](F)Cl", 1)
    references = written(tmp_path / "references.sdf", one, other)
    meant = Chem.Mol(other)
    meant.SetProp("smiles", "C[C@H](F)Cl")
    found = score_files(written(tmp_path / "samples.sdf", meant), references, baselines=False, **QUIET)
    assert sorted((each.samples, each.wrong_isomer) for each in found.systems[0].molecules) == [(0, 0), (1, 1)]
    plain = score_files(written(tmp_path / "plain.sdf", other), references, baselines=False, **QUIET)
    assert sorted((each.samples, each.wrong_isomer) for each in plain.systems[0].molecules) == [(0, 0), (1, 0)]


def test_molecules_without_samples_and_samples_without_references_are_counted(tmp_path: Path) -> None:
    references = written(tmp_path / "references.sdf", conformers("CCCO", 2), conformers("CCN", 1))
    samples = written(tmp_path / "samples.sdf", conformers("CCCO", 2), conformers("CCF", 3))
    found = score_files(samples, references, baselines=False, **QUIET)
    assert found.unmatched == 3
    assert sum(each.samples for each in found.systems[0].molecules) + found.unmatched == found.samples == 5
    assert found.systems[0].strict.without == 1
    assert any("1 molecules have no sample" in line for line in found.summary())


def test_damage_is_seen_as_invalid_and_strain(tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    good = conformers("CCCO", 2)
    positions = positions_of(good)
    positions[:, 0] += 0.9 * (positions[:, 0] - positions[:, 1])
    references = written(tmp_path / "references.sdf", good)
    found = score_files(
        written(tmp_path / "bad.sdf", with_positions(good, positions)), references, strain=True, **QUIET
    )
    mine, *baselines = found.systems
    assert mine.valid.value == 0
    assert mine.strain is not None
    assert mine.strain.value > 30
    assert [system.name for system in baselines] == ["etkdg", "etkdg + mmff", "etkdg x 10, clustered"]
    assert all(system.valid.value == 1 and system.samples == 2 for system in baselines)
    assert set(found.differences) == {system.name for system in baselines}


def test_files_that_hold_no_conformers_are_refused(tmp_path: Path) -> None:
    good = written(tmp_path / "good.sdf", conformers("CCO", 1))
    flat = tmp_path / "flat.sdf"
    flat.write_text(Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n")
    with pytest.raises(DataError, match="three-dimensional"):
        score_files(flat, good, **QUIET)
    with pytest.raises(DataError, match="no such file|exist|No such"):
        score_files(tmp_path / "none.sdf", good, **QUIET)
    with pytest.raises(UsageError, match="conformers are read from"):
        score_files(tmp_path / "none.xyz", good, **QUIET)
    with pytest.raises(UsageError, match="1 or more"):
        score_files(good, good, number=0, **QUIET)


@pytest.mark.mirror
def test_drug50_on_three_molecules(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ETKDG's conformers by the protocol of bench/drug50.py, whose plain loops give the same scores."""
    spec = importlib.util.spec_from_file_location("drug50", Path(__file__).parents[2] / "bench" / "drug50.py")
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    known = bench.molecules(mirror, every=17)
    references = bench.written(
        tmp_path / "references.sdf", [record for records in known.values() for record in records]
    )
    table = tmp_path / "drug50.smi"
    table.write_text("".join(f"{bench.smiles_of(records)} {name}\n" for name, records in known.items()))
    generate(table, tmp_path / "made.sdf", relax="none", seed=bench.SEED, **QUIET)
    [mine] = score_files(tmp_path / "made.sdf", references, baselines=False, **QUIET).systems
    expected = bench.plain_scores(
        [bench.by_rdkit(records, minimised=False) for records in known.values()], list(known.values())
    )
    found = (
        mine.strict.coverage_recall[2],
        mine.strict.recall,
        mine.strict.coverage_precision[2],
        mine.strict.precision,
    )
    assert [each.value for each in found] == pytest.approx(expected, abs=1e-3)
    assert mine.stereo.value == mine.valid.value == 1.0
