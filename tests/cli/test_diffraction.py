from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tests.diffraction.conftest import write_pdb


def test_simulate_and_convert(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_pdb(tmp_path / "a.pdb")
    outcome = hooke(
        "diffraction", "simulate", "a.pdb", "-o", "frames.h5", "--frames", "20", "--photons", "60", "--side", "15"
    )
    assert outcome.code == 0, outcome.err
    assert "frames.detector.h5" in outcome.out
    outcome = hooke("diffraction", "convert", "frames.h5", "-o", "frames.emc", "--json")
    assert json.loads(outcome.out)["frames"] == 20


def test_what_is_wrong_is_said_in_one_line(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_pdb(tmp_path / "a.pdb")
    np.save(tmp_path / "half.npy", np.full((1, 2, 2), 0.5))
    simulate = ("diffraction", "simulate", "a.pdb", "-o", "f.h5", "--side", "15", "--frames", "2")
    for arguments, code, text in (
        (("diffraction", "simulate", "none.pdb", "-o", "f.h5"), 3, "none.pdb does not exist"),
        ((*simulate, "--fractions", "a,b"), 2, "--fractions are numbers"),
        ((*simulate, "--polarisation", "q"), 2, "the polarisation is x, y or none"),
        ((*simulate, "--assembly", "7"), 2, "unknown assembly of a.pdb '7'"),
        ((*simulate, "--detector", "a.pdb"), 3, "a.pdb cannot be read as an HDF5 file"),
        (("diffraction", "convert", "half.npy", "-o", "f.emc"), 3, "frame 0, pixel 0 is 0.5"),
        (("diffraction", "convert", "half.npy", "-o", "f.tif", "--gain", "1"), 2, "frames end in"),
    ):
        outcome = hooke(*arguments)
        assert outcome.code == code, outcome.err
        assert text in outcome.err
        assert outcome.err.strip().count("\n") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdb", "half.npy"]


def test_phase(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    np.save(tmp_path / "i.npy", np.random.default_rng(0).exponential(size=(12, 12, 12)))
    arguments = ("diffraction", "phase", "i.npy", "--starts", "2", "--iterations", "10", "--refine", "2")
    outcome = hooke(*arguments)
    assert outcome.code == 0, outcome.err
    assert "density.mrc" in outcome.out
    facts = json.loads(hooke(*arguments, "--json").out)
    assert len(facts["starts"]) == 2
    assert Path(facts["report"]).exists()
    outcome = hooke(*arguments, "--algorithm", "hoi")
    assert (outcome.code, outcome.err.strip().count("\n")) == (2, 0)
    outcome = hooke("diffraction", "phase", "none.npy")
    assert (outcome.code, "none.npy does not exist" in outcome.err) == (3, True)


def test_reconstruct_and_evaluate(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_pdb(tmp_path / "a.pdb")
    hooke("diffraction", "simulate", "a.pdb", "-o", "frames.h5", "--frames", "12", "--photons", "60", "--side", "13")
    quick = ("diffraction", "reconstruct", "frames.h5", "--n", "1", "--starts", "1", "--iterations", "2")
    planned = json.loads(hooke(*quick, "--dry-run", "--frames", "1000", "--devices", "4", "--rate", "50", "--json").out)
    assert (planned["rotations"], planned["frames"], planned["devices"]) == (60, 1000, 4)
    assert not (tmp_path / "runs").exists()
    outcome = hooke(*quick, "--frames", "5")
    assert (outcome.code, "belong to --dry-run" in outcome.err) == (2, True)
    outcome = hooke(*quick)
    assert outcome.code == 0, outcome.err
    assert "12 of 12 frames used" in outcome.out
    outcome = hooke("diffraction", "evaluate", "runs/emc", "--truth", "a.pdb")
    assert outcome.code == 0, outcome.err
    assert "within two spacings" in outcome.out
    assert "FSC of I" in outcome.out
