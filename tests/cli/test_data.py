"""`hooke data`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def test_list_and_info(hooke) -> None:  # type: ignore[no-untyped-def]
    found = hooke("data", "list")
    assert found.code == 0
    for name in ("pocketmix", "csv", "moleculenet", "toymix", "largemix", "ultralarge"):
        assert name in found.out
    assert {card["name"] for card in json.loads(hooke("data", "list", "--json").out)} >= {"pocketmix", "csv"}
    assert "licence" in hooke("data", "info", "pocketmix").out
    assert "delaney" in hooke("data", "info", "moleculenet").out
    assert json.loads(hooke("data", "info", "csv", "--json").out)["name"] == "csv"
    assert "Did you mean 'pocketmix'" in hooke("data", "info", "pocketmx").err


def test_data_sets_of_one_modality(hooke) -> None:  # type: ignore[no-untyped-def]
    shown = hooke("data", "list", "--modality", "atoms").out
    for text in (
        "methods",
        "E0",
        "wb97x/6-31g(d)",
        "eV, angstrom, eV/angstrom",
        "isolated atoms in the set's own file",
    ):
        assert text in shown
    assert "pocketmix" not in shown
    assert {card["modality"] for card in json.loads(hooke("data", "list", "--modality", "cells", "--json").out)} == {
        "cells"
    }
    assert "Did you mean 'atoms'" in hooke("data", "list", "--modality", "atom").err
    told = hooke("data", "info", "acac").out
    assert "not ground-state atoms" in told
    assert "pbe-d3/def2-svp" in told


def test_frames_are_prepared(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "water.extxyz"
    frame = "3\nProperties=species:S:1:pos:R:3 energy={}\nO 0 0 0\nH 0 0 0.96\nH 0.93 0 -0.24\n"
    path.write_text(frame.format(-76.4) + frame.format("low") + frame.format(-76.5))
    refused = hooke("data", "prepare", "frames", f"path={path}")
    assert refused.code == 2
    assert "state energy_unit=eV|meV|hartree" in refused.err
    stated = ["energy_unit=hartree", "energy_kind=total", "methods=b3lyp/6-31g(2df,p)"]
    found = hooke("data", "prepare", "frames", f"path={path}", *stated, "--json")
    assert found.code == 0, found.err
    summary = json.loads(found.out)
    assert summary["ingest"] == {"frames": 2, "molecules": 1, "refused": 1}
    assert summary["statistics"]["total"]["b3lyp/6-31g(2df,p)"]["mean"] == -76.45
    assert "mean -76.45 hartree" in hooke("data", "prepare", "frames", f"path={path}", *stated).out
    assert "every checksum holds" in hooke("data", "check", summary["store"]).out


def test_profiles_of_cells_are_prepared(hooke, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from hooke.datasets import horlbeck

    monkeypatch.setattr(horlbeck.Dataset, "prepare", lambda self, folder, *_: self.twin(folder))
    found = json.loads(hooke("data", "prepare", "horlbeck", "--json").out)
    assert (found["profiles"], found["features"]) == (48, 48)
    assert Path(found["store"]).name.startswith("horlbeck-")
    assert "every checksum holds" in hooke("data", "check", found["store"]).out
    (Path(found["store"]) / "metadata.parquet").write_bytes(b"PAR1")
    assert "metadata.parquet" in hooke("data", "check", found["store"]).out


def test_prepare_and_check(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    found = hooke("data", "prepare", "csv", f"path={table}", "--workers", "1", "--json")
    assert found.code == 0, found.err
    store = Path(json.loads(found.out)["store"])
    assert json.loads(found.out)["molecules"] == 60
    assert "every checksum holds" in hooke("data", "check", store).out
    path = store / "shard-000000" / "atom_codes.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    damaged = hooke("data", "check", store)
    assert damaged.code == 3
    assert "atom_codes.bin" in damaged.out
    assert json.loads(hooke("data", "check", store, "--json").out)["problems"]
    assert "molecules" in hooke("data", "prepare", "csv", f"path={table}", "--workers", "1").out


def test_get(hooke, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "mirror" / "moleculenet"
    folder.mkdir(parents=True)
    (folder / "freesolv.csv.gz").write_bytes(b"x")
    digest = hashlib.sha256(b"x").hexdigest()
    (folder.parent / "MANIFEST.tsv").write_text(f"path\tsha256\nmoleculenet/freesolv.csv.gz\t{digest}\n")
    monkeypatch.setenv("HOOKE_MIRROR", str(tmp_path / "mirror"))
    found = hooke("data", "get", "moleculenet", "table=freesolv")
    assert "freesolv.csv.gz" in found.out
    assert json.loads(hooke("data", "get", "moleculenet", "table=freesolv", "--json").out)["files"]
    assert "nothing to download" in hooke("data", "get", "csv").err
    assert "key=value" in hooke("data", "prepare", "csv", "path").err


def test_image_data_sets(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    listed = {card["name"]: card["modality"] for card in json.loads(hooke("data", "list", "--json").out)}
    names = {"image_folder", "jump_cp", "rxrx1", "rxrx3", "rxrx3_core", "screen"}
    assert {name for name, domain in listed.items() if domain == "images"} >= names
    small = [
        "size=40",
        "modules=1",
        "genes_per_module=2",
        "lone_genes=1",
        "guides=1",
        "experiments=2",
        "controls=2",
        "sites=1",
    ]
    small += ["coverage=1", "compounds=1", "doses_um=[1.0, 10.0]"]
    found = hooke("data", "prepare", "screen", *small, "--workers", "0", "--json")
    assert found.code == 0, found.err
    summary = json.loads(found.out)
    assert summary["fields"] == 2 * (2 + 2 + 1 + 4 + 2)
    assert summary["simulated"] is True
    assert "every checksum holds" in hooke("data", "check", summary["store"]).out
    assert "DNA,ER,RNA,AGP,Mito" in hooke("data", "prepare", "screen", *small, "--workers", "0").out
    assert "simulated" in hooke("data", "info", "screen").out
    assert "path=FOLDER" in hooke("data", "prepare", "image_folder").err
    assert "rxrx.ai" in hooke("data", "get", "rxrx1").err
    assert "Did you mean 'screen.size'" in hooke("data", "prepare", "screen", "sise=4").err
    assert "neither a list nor a table" in hooke("data", "prepare", "screen", "doses_um=[1,").err
