"""The encoders inside the package: whole, checked by hash, usable by name wherever a run is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import hooke
from hooke.core.errors import DataError, UnknownNameError
from hooke.core.hashing import file_sha256
from hooke.datasets.shelfmix import PERMISSIVE
from hooke.inference import shipped
from hooke.inference.shipped import model_card, run_path, shipped_names
from hooke.molecules.tables.twins import write_twin_table

SMILES = ["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "C", "[Na+].[Cl-]"]


def test_the_card_says_what_it_is_and_what_it_was_made_from() -> None:
    assert shipped_names() == ["tiny", "tiny_cells"]
    card = model_card("tiny")
    assert set(card["tables"]) == set(PERMISSIVE)
    for key in ("title", "use", "licence", "data_licence", "limits", "validation", "parameters", "left_out", "sha256"):
        assert card[key], key
    with pytest.raises(UnknownNameError, match="'tiny'"):
        model_card("tinny")


def test_it_is_whole_and_small() -> None:
    folder = run_path("tiny")
    for name, expected in model_card("tiny")["sha256"].items():
        assert file_sha256(folder / name) == expected
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10_000_000
    labels = json.loads((folder / "labels.json").read_text())
    assert {label["source"] for label in labels} == {*PERMISSIVE, "descriptors"}


def test_a_folder_of_that_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_path("tiny").is_absolute()
    assert run_path("runs/csv") == Path("runs/csv")
    (tmp_path / "tiny").mkdir()
    assert run_path("tiny") == Path("tiny")


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(run_path("tiny"), tmp_path / "tiny")
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    assert run_path("tiny") == tmp_path / "tiny"
    shipped._checked.cache_clear()
    weights = tmp_path / "tiny" / "members" / "0" / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(DataError, match="missing or damaged"):
        run_path("tiny")
    shipped._checked.cache_clear()


def test_embeddings_are_finite_and_their_own() -> None:
    encoder = hooke.load("tiny", device="cpu")
    vectors = encoder.embed(SMILES)
    assert vectors.shape == (5, model_card("tiny")["width"])
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(encoder.embed(["OCC"]), vectors[:1], rtol=1e-4, atol=1e-6)
    assert np.abs(np.corrcoef(vectors[:3])[0, 1]) < 0.99999
    with pytest.raises(DataError, match="did you mean the published weights 'tiny'"):
        hooke.load("tinyy")


def test_it_is_embedded_with_and_fine_tuned_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=40)
    found = hooke.embed("tiny", table, tmp_path / "vectors.parquet", workers=1, device="cpu", show_progress=False)
    assert found.rows == 40
    tuned = hooke.finetune(
        "tiny", csv=table, targets="log_p", overrides=["train.epochs=1", "train.ensemble=1", "train.threads=1"],
        runs=tmp_path / "runs", report=False, workers=1, show_progress=False,
    )  # fmt: skip
    assert tuned.run.recipe["model"]["width"] == model_card("tiny")["width"]
    assert tuned.run.recipe["pretrained"]


def test_the_encoder_of_images_takes_any_stains_in_any_order() -> None:
    from hooke.inference.image_run import LoadedImageRun

    from hooke.images.batch import image_batch

    card = model_card("tiny_cells")
    for file, expected in card["sha256"].items():
        assert file_sha256(run_path("tiny_cells") / file) == expected
    for key in ("title", "use", "licence", "data_licence", "how", "limits", "validation", "parameters"):
        assert card[key], key
    encoder = LoadedImageRun.open(run_path("tiny_cells"), "cpu").network
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 3, 64, 64)).astype(np.uint16)
    names = ("Mito", "DNA", "Tubulin")
    with torch.no_grad():
        found = encoder.embed(image_batch(pixels, names, np.arange(2)))
        turned = encoder.embed(image_batch(np.ascontiguousarray(pixels[:, ::-1]), names[::-1], np.arange(2)))
    assert found.shape == (2, 3 * card["width"] // len(card["channels"]))
    torch.testing.assert_close(found, turned, atol=1e-4, rtol=1e-4)
