from __future__ import annotations

from pathlib import Path

from tests.diffraction.conftest import write_pdb

import hooke


def test_from_a_structure_to_frames(tmp_path: Path) -> None:
    write_pdb(tmp_path / "a.pdb")
    made = hooke.simulate_patterns(
        tmp_path / "a.pdb", tmp_path / "f.h5", frames=10, photons=50, side=15, show_progress=False
    )
    converted = hooke.convert_patterns(made.output, tmp_path / "f.emc")
    assert converted.photons == made.photons > 0
