"""`hooke conformers` as people type it, and resuming after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

SMILES = "CCO,ethanol\nC[C@H](F)Cl,chiral\nCC(O)CN,racemic\n"


def test_making_and_scoring(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    Path("drugs.csv").write_text("smiles,name\n" + SMILES)
    found = hooke("conformers", "generate", "drugs.csv", "-o", "conformers.sdf", "--number", 3, "--workers", 0)
    assert found.code == 0, found.err
    assert "3 rows: 2 with conformers, 1 rejected, written to conformers.sdf" in found.out
    assert "1 × its stereo is undefined at C2" in found.out
    report = json.loads(
        hooke("conformers", "generate", "drugs.csv", "-o", "conformers.sdf", "--number", 3, "--json").out
    )
    assert (report["asked"], report["conformers"], report["resumed"]) == (6, 6, 7)
    found = hooke(
        "conformers", "score", "conformers.sdf.parquet", "--reference", "conformers.sdf", "--workers", 0, "--json"
    )
    assert found.code == 0, found.err
    scores = json.loads(found.out)
    assert [system["name"] for system in scores["systems"]] == [
        "samples",
        "etkdg",
        "etkdg + mmff",
        "etkdg x 10, clustered",
    ]
    assert scores["systems"][0]["strict"]["recall"]["value"] < 1e-3
    assert scores["left_out"] == {"its stereo is undefined at C2": 1}
    found = hooke(
        "conformers", "score", "conformers.sdf", "--reference", "conformers.sdf", "--no-baselines", "--workers", 0
    )
    assert "AMR-R" in found.out
    assert "2 molecules, 6 references (100.0% valid), 6 samples, 0 of no reference" in found.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", "drugs.csv", "-o", "out.xyz"), "must end in .parquet or .sdf"),
        (("generate", "drugs.csv", "-o", "out.sdf", "--relax", "gfn3"), "Did you mean 'gfn2'"),
        (("generate", "drugs.csv", "-o", "out.sdf", "--method", "flo"), "method of conformers"),
        (("generate", "drugs.csv", "-o", "out.sdf", "--rank", "--relax", "none"), "--rank needs"),
        (("generate", "none.csv", "-o", "out.sdf"), "none.csv does not exist"),
        (("score", "drugs.csv", "--reference", "drugs.csv"), "drugs.csv"),
    ],
)
def test_one_line_for_each_mistake(hooke, arguments: tuple[str, ...], message: str) -> None:  # type: ignore[no-untyped-def]
    Path("drugs.csv").write_text("smiles,name\n" + SMILES)
    found = hooke("conformers", *arguments)
    assert found.code in (2, 3)
    assert message in found.err
    assert len(found.err.strip().splitlines()) == 1
    assert not Path("out.sdf").exists()


def test_a_stopped_command_goes_on_to_the_same_rows(hooke, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Stopped in its second part of three; parts are made small."""
    from hooke.workflows import conformer_generation

    monkeypatch.setattr(conformer_generation.Molecules, "jobs_a_part", 1)
    Path("drugs.csv").write_text("smiles\n" + "".join("C" * n + "O\n" for n in range(1, 11)))
    arguments = ("conformers", "generate", "drugs.csv", "--number", 2, "--workers", 0)
    assert hooke(*arguments, "-o", "whole.parquet").code == 0
    real, calls = conformer_generation.Molecules.chunk, []

    def chunk(self: object, prepared: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, prepared)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(conformer_generation.Molecules, "chunk", chunk)
        assert hooke(*arguments, "-o", "stopped.parquet").code == 130
    report = json.loads(hooke(*arguments, "-o", "stopped.parquet", "--json").out)
    assert report["resumed"] == 8
    assert pl.read_parquet("stopped.parquet").equals(pl.read_parquet("whole.parquet"))
