"""The encoders inside the package: whole, checked by hash, usable by name wherever a run is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import hooke
from hooke.core.errors import DataError, UnknownNameError
from hooke.core.hashing import file_sha256
from hooke.datasets.shelfmix import PERMISSIVE
from hooke.images.store import SITES, ImageStore, ImageStoreWriter
from hooke.inference import shipped
from hooke.inference.shipped import model_card, run_path, shipped_names
from hooke.molecules.tables.twins import write_twin_table

GOLDEN = Path(__file__).parent.parent / "golden"
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
    labels = json.loads((folder / "spec.json").read_text())["labels"]
    labelled = set(PERMISSIVE) - {"zinc250k"}
    assert {label["source"] for label in labels} == {*labelled, "descriptors", "minimol"}


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
    assert tuned.run.recipe["model"] == model_card("tiny")["architecture"]
    assert tuned.run.recipe["pretrained"]


def test_the_encoder_of_images_takes_any_stains_in_any_order() -> None:
    from hooke.images.batch import image_batch
    from hooke.inference.loaded import LoadedRun

    card = model_card("tiny_cells")
    for file, expected in card["sha256"].items():
        assert file_sha256(run_path("tiny_cells") / file) == expected
    for key in ("title", "use", "licence", "data_licence", "how", "limits", "validation", "parameters"):
        assert card[key], key
    encoder = LoadedRun.open(run_path("tiny_cells"), "cpu").network
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 3, 64, 64)).astype(np.uint16)
    names = ("Mito", "DNA", "Tubulin")
    with torch.no_grad():
        found = encoder.embed(image_batch(pixels, names, np.arange(2)))
        turned = encoder.embed(image_batch(np.ascontiguousarray(pixels[:, ::-1]), names[::-1], np.arange(2)))
    assert found.shape == (2, 3 * card["width"] // len(card["channels"]))
    torch.testing.assert_close(found, turned, atol=1e-4, rtol=1e-4)


def golden_store(folder: Path) -> ImageStore:
    """4 wells of 3, 1, 2 and 2 fields of 48 x 32 pixels in 3 channels: numbers that every machine draws alike."""
    generator = np.random.default_rng(2024)
    wells = [0, 0, 0, 1, 2, 2, 3, 3]
    writer = ImageStoreWriter(folder, ("Mito", "DNA", "ER"), "uint16", 32)
    first = [writer.append(generator.integers(50 * number, 4000, (3, 48, 32), dtype=np.uint16)) for number in wells]
    rows = [
        {
            "first_tile": tile, "height": 48, "width": 32, "experiment": "e", "plate": f"P{well // 2}", "well": f"A0{well + 1}",
            "site": place, "batch": "e", "control": "negative" if well == 0 else "", "gene": None if well == 0 else f"G{well}",
        }
        for place, (tile, well) in enumerate(zip(first, wells, strict=True))
    ]  # fmt: skip
    pl.DataFrame(rows).write_parquet(folder / SITES)
    writer.add_file(SITES)
    writer.close({"simulated": True})
    return ImageStore.open(folder)


def test_the_encoder_of_images_gives_the_vectors_that_it_gave(tmp_path: Path) -> None:
    """golden/tiny_cells.parquet: what it gave when it was shipped, of whole fields, and of crops of two channels."""
    stored, store = pl.read_parquet(GOLDEN / "tiny_cells.parquet"), golden_store(tmp_path / "store")
    options = {
        "whole": {},
        "crops": {"crop": 16, "symmetry": "flips", "block": 1, "batch_size": 7, "channels": ("ER", "DNA")},
    }
    for name, view in options.items():
        output = tmp_path / f"{name}.parquet"
        hooke.embed("tiny_cells", store.folder, output, device="cpu", show_progress=False, **view)
        found = pl.read_parquet(output)
        assert found.select("plate", "well", "fields").equals(stored.select("plate", "well", "fields"))
        assert found["embedding"].dtype == stored[name].dtype
        np.testing.assert_allclose(found["embedding"].to_numpy(), stored[name].to_numpy(), rtol=1e-5, atol=1e-5)
