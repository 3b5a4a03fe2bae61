"""The calculator of ASE: numbers of the run, stress, ensembles, refusals, and compiled networks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ase = pytest.importorskip("ase")

from ase.calculators.calculator import PropertyNotImplementedError  # noqa: E402
from ase.optimize import LBFGS  # noqa: E402

import hooke  # noqa: E402
from hooke.atoms.facts import Facts  # noqa: E402
from hooke.atoms.formats import xyz  # noqa: E402
from hooke.atoms.keys import Keys  # noqa: E402
from hooke.atoms.twins import made_frames  # noqa: E402
from hooke.core.errors import DataError, UnknownNameError  # noqa: E402
from hooke.inference.applicability import KEPT  # noqa: E402
from hooke.inference.loaded import LoadedRun  # noqa: E402
from hooke.workflows.calculator import PotentialCalculator, calculator_of  # noqa: E402
from hooke.workflows.relaxation import relax_file  # noqa: E402

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))


def systems(seed: int = 5) -> list[Any]:
    frames = made_frames(FACTS, seed)
    ends = zip(frames.offsets[:-1], frames.offsets[1:], strict=True)
    return [ase.Atoms(frames.numbers[first:stop], frames.positions[first:stop]) for first, stop in ends]


def test_numbers_are_those_of_the_run(potential_run: Path) -> None:
    calculator = hooke.calculator(potential_run, device="cpu")
    for atoms in systems()[::6]:
        atoms.calc = calculator
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        assert atoms.get_potential_energy(force_consistent=True) == energy
        assert calculator.results["energy_disagreement"] > 0
        step = 1e-3
        for place in range(3):
            energies = []
            for sign in (1, -1):
                atoms.positions[1, place] += sign * step
                energies.append(atoms.get_potential_energy())
                atoms.positions[1, place] -= sign * step
            assert abs((energies[1] - energies[0]) / (2 * step) - forces[1, place]) < 5e-3
        with pytest.raises(PropertyNotImplementedError):
            atoms.get_stress()


def test_relaxed_by_ase_and_by_hooke_is_the_same(potential_run: Path, tmp_path: Path) -> None:
    """Energies within 1 meV, and as many steps, where ASE's L-BFGS does not walk uphill from a saddle."""
    chosen = np.array([0, 4, 13])
    xyz.write(tmp_path / "some.extxyz", made_frames(FACTS, 5).select(chosen), Keys(("energy",), ("forces",)))
    run = LoadedRun.open(potential_run, "cpu")
    relax_file(run, tmp_path / "some.extxyz", tmp_path / "relaxed.extxyz", fmax=0.02, workers=0, show_progress=False)
    from ase.io import read

    calculator = calculator_of(run)
    for number, own in zip(chosen, read(tmp_path / "relaxed.extxyz", ":"), strict=True):
        atoms = systems()[number]
        atoms.calc = calculator
        optimiser = LBFGS(atoms, logfile=None)
        optimiser.run(fmax=0.02, steps=300)
        assert abs(atoms.get_potential_energy() - own.get_potential_energy()) < 1e-3
        assert abs(optimiser.nsteps - own.info["steps"]) <= 1


def test_stress_is_the_derivative_by_the_strain(potential_run: Path) -> None:
    pytest.importorskip("vesin")
    atoms = systems()[9]
    atoms.set_cell([6.0, 6.5, 7.0])
    atoms.pbc = True
    atoms.calc = hooke.calculator(potential_run, device="cpu")
    stress, step = atoms.get_stress(), 1e-3
    for place, (first, second) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
        energies = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[first, second] += sign * step / 2
            strain[second, first] += sign * step / 2
            moved = atoms.copy()
            moved.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
            moved.calc = atoms.calc
            energies.append(moved.get_potential_energy())
        assert abs((energies[0] - energies[1]) / (2 * step) / atoms.get_volume() - stress[place]) < 2e-5


def test_what_the_run_does_not_know_is_refused(potential_run: Path, several_methods: LoadedRun) -> None:
    calculator = hooke.calculator(potential_run, device="cpu")
    with pytest.raises(DataError, match="Xe was not trained on"):
        ase.Atoms("Xe", calculator=calculator).get_potential_energy()
    charged = ase.Atoms("OH", [[0, 0, 0], [0, 0, 0.97]], calculator=calculator, info={"charge": -1})
    with pytest.raises(DataError, match="charge -1 was not trained on"):
        charged.get_potential_energy()
    charged = ase.Atoms("OH", [[0, 0, 0], [0, 0, 0.97]], calculator=calculator, charges=[-1, 0])
    with pytest.raises(DataError, match="charge -1 was not trained on"):
        charged.get_potential_energy()
    with pytest.raises(DataError, match="coincide"):
        ase.Atoms("H2", [[0, 0, 0], [0, 0, 0.001]], calculator=calculator).get_potential_energy()
    with pytest.raises(DataError, match="not finite"):
        ase.Atoms("H2", [[0, 0, 0], [0, 0, np.nan]], calculator=calculator).get_potential_energy()
    with pytest.raises(UnknownNameError, match="gfn2"):
        hooke.calculator(potential_run, method="pbe", device="cpu")
    assert calculator_of(several_methods, "gfn1").potential.method == "gfn1"
    assert "energy_disagreement" not in _computed(calculator_of(several_methods, "gfn1"))


def _computed(calculator: PotentialCalculator) -> dict[str, Any]:
    atoms = systems()[0]
    atoms.calc = calculator
    atoms.get_potential_energy()
    return dict(calculator.results)


COMPILED = """
import sys
import numpy as np, torch
compiled, used = torch.compile, []
def without_a_compiler(function, **options):
    used.append(options)
    return compiled(function, backend="aot_eager", **options)
torch.compile = without_a_compiler
from hooke.atoms.batch import atoms_batch
from hooke.atoms.facts import Facts
from hooke.atoms.twins import made_frames
from hooke.inference.loaded import LoadedRun
from hooke.workflows.run_potential import RunPotential
run = LoadedRun.open(sys.argv[1], "cpu")
eager, ready = RunPotential(run), RunPotential(run, compiled=True)
frames = made_frames(Facts("eV", "angstrom", energy_kind="formation", methods=("gfn2",)), 5)
for rows in ([0], [13, 14, 4]):
    batch = atoms_batch(frames.select(np.array(rows)), np.arange(len(rows)), dtype=torch.float64)
    one, two = eager.at(batch), ready.at(batch)
    assert (one.energies - two.energies).abs().max() < 1e-5
    assert (one.forces - two.forces).abs().max() < 1e-5
print(len(used))
"""


def test_compiled_networks_give_the_same(potential_run: Path) -> None:
    """In a process without checks of shapes, which torch does not compile, and without a C++ compiler."""
    command = [sys.executable, "-c", COMPILED, str(potential_run)]
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert found.stdout.strip() == "2", found.stderr[-2000:]


def test_what_is_unlike_the_training_frames_is_warned_of_once_a_system(potential_run: Path, tmp_path: Path) -> None:
    run = LoadedRun.open(shutil.copytree(potential_run, tmp_path / "run"), "cpu")
    calculator = calculator_of(run)
    assert calculator.domain is not None
    atoms = systems()[0]
    atoms.calc = calculator
    atoms.get_potential_energy()
    assert 0 < calculator.results["embedding_distance"] < calculator.domain.most_distance
    strict = PotentialCalculator(calculator.potential, replace(calculator.domain, most_distance=0.0))
    for number in (0, 6):
        atoms = systems()[number]
        atoms.calc = strict
        with pytest.warns(UserWarning, match="unlike what the potential was trained on: embedding distance"):
            atoms.get_potential_energy()
    atoms.positions[0, 0] += 0.01
    atoms.get_potential_energy()
    assert "embedding_distance" not in strict.results
    atoms.positions[0, 0] += 0.6
    atoms.get_potential_energy()  # far from where it was placed: placed again, and not warned of again
    assert strict.results["embedding_distance"] > 0
    run.run.path(KEPT).unlink()
    assert calculator_of(run).domain is None
