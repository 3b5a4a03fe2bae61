from __future__ import annotations

from pathlib import Path

from hooke.diffraction.structure import read_structure
from hooke.report.schema import Report
from hooke.studies.quickstart_diffraction import made_up_particle, quickstart_diffraction


def test_a_small_one_from_end_to_end(tmp_path: Path) -> None:
    found = quickstart_diffraction(tmp_path / "runs", frames=40, n=1, starts=1, phasings=2, show_progress=False)
    report = Report.read(found.report.with_suffix(".json"))
    assert [each.title for each in report.training][-3] == "FSC of I"
    assert [each.title for each in report.pictures][-2:] == ["The density", "The density: slices across x, y and z"]
    assert report.pictures[-2].views != (1, 1)
    page = found.report.read_text()
    assert "network saw" not in page
    assert "Solid: validation loss" not in page
    assert 'id="curves"' in page
    assert found.density.verdict[1:] in report.pictures[-2].note
    assert len(found.density.starts) == 2
    assert report.pictures[1].title.startswith("Truth")
    assert "median angle error" in found.summary()
    stamp = (tmp_path / "runs/quickstart_diffraction/frames.h5").stat().st_mtime_ns
    again = quickstart_diffraction(tmp_path / "runs", frames=40, n=1, starts=1, phasings=2, show_progress=False)
    assert again.run.run.folder == found.run.run.folder
    assert (tmp_path / "runs/quickstart_diffraction/frames.h5").stat().st_mtime_ns == stamp
    later = Report.read(found.report.with_suffix(".json"))
    assert [each.title for each in later.training] == [each.title for each in report.training]
    assert len(later.pictures) == len(report.pictures)


def test_the_particle_is_one_that_scatters_and_has_no_symmetry(tmp_path: Path) -> None:
    (tmp_path / "p.pdb").write_text(made_up_particle())
    structure = read_structure(tmp_path / "p.pdb")
    assert 400 < len(structure) < 1000
    assert 55 < structure.diameter < 100
    assert structure.notes == ()
