"""docs/quantum-data.md: its commands run, and print what it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np

from hooke.atoms.facts import Facts
from hooke.atoms.formats import xyz
from hooke.atoms.keys import Keys
from hooke.atoms.twins import isolated_frames, made_frames

PAGE = (Path(__file__).parents[2] / "docs" / "quantum-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(console|text|python)\n(.*?)```", PAGE, re.DOTALL)


def test_the_commands_of_the_page(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Those that the page answers with a refusal are refused so; the others succeed."""
    frames = made_frames(Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("pbe/def2-svp",), ("pbe/def2-svp",)))
    xyz.write(tmp_path / "frames.extxyz", frames, Keys(("energy",), ("forces",), name="name"))
    h5 = tmp_path / "ani_md_bench.h5"
    h5.parent.mkdir(exist_ok=True)
    _write_ani(h5)
    shown = [(kind, text) for kind, text in BLOCKS if kind != "python"]
    for place, (kind, text) in enumerate(shown):
        if kind != "console":
            continue
        refused = shown[place + 1][1] if place + 1 < len(shown) and shown[place + 1][0] == "text" else ""
        for line in text.strip().splitlines():
            program, *arguments = shlex.split(line)
            assert program == "hooke"
            found = hooke(*arguments)
            if refused:
                assert found.code == 2
                pieces = [piece.strip() for piece in refused.strip().split("...") if piece.strip()]
                assert all(piece in " ".join(found.err.split()) for piece in pieces), (refused, found.err)
            else:
                assert found.code == 0, found.err


def test_the_python_of_the_page(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    methods = ("sapt0/aug-cc-pvdz",)
    frames = made_frames(Facts("eV", "angstrom", "eV/angstrom", "force", "total", methods, methods))
    path, atoms = tmp_path / "frames.extxyz", tmp_path / "atoms.extxyz"
    xyz.write(path, frames, Keys(("energy",), ("forces",), name="name"))
    xyz.write(atoms, isolated_frames(methods), Keys(("energy",)))
    stated = [
        "energy_unit=eV",
        "force_unit=eV/angstrom",
        "energy_kind=total",
        f"methods={methods[0]}",
        f"isolated_atoms={atoms}",
    ]
    prepared = hooke("data", "prepare", "frames", f"path={path}", *stated, "--json")
    assert prepared.code == 0, prepared.err
    names = {"folder": json.loads(prepared.out)["store"], "target": tmp_path / "some.extxyz"}
    for kind, code in BLOCKS:
        if kind == "python":
            exec(code, names)
    np.testing.assert_allclose(names["frames"].positions, frames.select(np.arange(3)).positions, atol=1e-6)
    assert names["target"].read_text().count("Properties=") == 3


def _write_ani(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("ani/water")
        group["species"] = np.array([b"O", b"H", b"H"])
        group["coordinates"] = np.arange(9.0).reshape(1, 3, 3)
        group["energies"], group["forces"] = [1.0], np.zeros((1, 3, 3))
