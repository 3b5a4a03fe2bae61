"""A run as an energy surface: what `predict` says, of one or several methods, alone and as an ensemble."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hooke.atoms.batch import atoms_batch
from hooke.atoms.facts import Facts
from hooke.atoms.twins import made_frames
from hooke.core.errors import UnknownNameError, UsageError
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict_in_memory
from hooke.workflows.run_potential import RunPotential

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))


def test_energies_and_forces_are_those_of_predict(potential_run: Path) -> None:
    run, frames = LoadedRun.open(potential_run, "cpu"), made_frames(FACTS, seed=3)
    potential = RunPotential(run)
    batch = atoms_batch(frames, np.arange(len(frames)), dtype=torch.float64)
    found = potential.at(batch)
    table = predict_in_memory(run, frames, levels=["frame", "atom"])
    assert potential.method == "gfn2"
    assert np.allclose(found.energies.numpy(), table["energy"].to_numpy(), atol=1e-5)
    assert np.allclose(
        found.forces.numpy(), np.concatenate([np.stack(each.to_list()) for each in table["forces"]]), atol=1e-4
    )
    assert found.disagreement is not None
    assert np.allclose(found.disagreement.numpy(), run.ensemble.predict(batch)["frame"].std[:, 0], atol=1e-5)
    assert found.stress is None
    assert all(parameter.requires_grad for parameter in run.network.parameters())  # the run itself is left as it was


def test_one_of_several_methods(several_methods: LoadedRun) -> None:
    with pytest.raises(UsageError, match="state one of gfn2, gfn1"):
        RunPotential(several_methods)
    with pytest.raises(UnknownNameError, match="gfn2"):
        RunPotential(several_methods, "gfn3")
    frames = made_frames(FACTS)
    batch = atoms_batch(frames, np.arange(len(frames)), dtype=torch.float64)
    table = predict_in_memory(several_methods, frames, levels=["frame", "atom"])
    for method in ("gfn2", "gfn1"):
        found = RunPotential(several_methods, method).at(batch)
        assert np.allclose(found.energies.numpy(), table[f"energy {method}"].to_numpy(), atol=1e-4)
        pulls = np.concatenate([np.stack(each.to_list()) for each in table[f"forces {method}"]])
        assert np.allclose(found.forces.numpy(), pulls, atol=1e-4)
        assert found.disagreement is None


def test_other_runs_are_no_potentials(loaded: LoadedRun) -> None:
    with pytest.raises(UsageError, match="is not a potential"):
        RunPotential(loaded)
