"""MiniMol as an encoder."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from hooke.core.errors import DataError
from hooke.encoders.minimol import encoder as minimol
from hooke.encoders.minimol.encoder import (
    CHECKPOINT,
    WHEEL,
    LoadedMiniMol,
    read_checkpoint,
    restricted_load,
    weights_file,
)
from hooke.encoders.minimol.features import EIGENVECTORS, prepare_minimol
from hooke.encoders.minimol.network import MiniMol
from hooke.inference.embed import embed


@pytest.fixture
def untrained() -> LoadedMiniMol:
    torch.manual_seed(0)
    return LoadedMiniMol(MiniMol())


def test_every_row_has_its_row_in_order(tmp_path: Path, untrained: LoadedMiniMol) -> None:
    (tmp_path / "new.smi").write_text("CCO a\nC( b\nc1ccccc1 c\n")
    report = embed(untrained, tmp_path / "new.smi", tmp_path / "out.parquet", workers=0, show_progress=False)
    rows = pl.read_parquet(tmp_path / "out.parquet")
    assert (report.rows, report.done) == (3, 2)
    assert len(rows["embedding"][0]) == untrained.width == 512
    assert np.allclose(rows["embedding"][2].to_numpy(), untrained.embed(["c1ccccc1"])[0], atol=1e-5)


@pytest.mark.oracles
@pytest.mark.weights
def test_from_smiles_within_the_stated_tolerance(oracles: Path, weights: Path) -> None:
    table = pl.read_parquet(oracles / "minimol" / "fingerprints.parquet")
    found = LoadedMiniMol.open(weights / WHEEL.name, "cpu").embed(table["smiles"].to_list())
    expected = table.drop("smiles").to_numpy()
    cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosine.min() > 0.999
    assert np.abs(found - expected).max() < 0.25
    recorded = np.load(oracles / "minimol" / "intermediates.npz")
    arrays = prepare_minimol(table["smiles"].to_list()).arrays
    pieces = np.split(arrays.atom_encodings[EIGENVECTORS], arrays.atom_offsets[1:-1])
    equal = [
        np.array_equal(piece, recorded[f"m{number:02d}.laplacian_eigvec"]) for number, piece in enumerate(pieces)
    ]  # not all: eigenvectors of equal eigenvalues depend on the processor
    assert np.abs(found - expected)[equal].max() < 2e-5


def _without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    monkeypatch.delenv("HOOKE_MIRROR", raising=False)
    monkeypatch.setattr(minimol.importlib.util, "find_spec", lambda name: None)


def test_where_to_get_the_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _without_weights(monkeypatch, tmp_path)
    with pytest.raises(DataError, match=r"pip install --no-deps minimol==1\.3\.5"):
        weights_file()
    with pytest.raises(DataError, match="there is no file"):
        weights_file(tmp_path / "none.whl")


def test_the_installed_package_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _without_weights(monkeypatch, tmp_path)
    path = tmp_path / "site" / CHECKPOINT
    path.parent.mkdir(parents=True)
    path.touch()

    class Spec:
        submodule_search_locations = [str(tmp_path / "site" / "minimol")]

    monkeypatch.setattr(minimol.importlib.util, "find_spec", lambda name: Spec)
    assert weights_file() == path


def test_a_damaged_download_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _without_weights(monkeypatch, tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / WHEEL.name).write_bytes(b"half")
    with pytest.raises(DataError, match="expected faa431c"):
        weights_file()


def test_only_the_published_file_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr(CHECKPOINT, b"something else")
    with pytest.raises(DataError, match="not the published checkpoint"):
        read_checkpoint(tmp_path / "other.whl")
    (tmp_path / "text.whl").write_text("no archive")
    with pytest.raises(DataError, match="cannot be read as MiniMol's wheel"):
        read_checkpoint(tmp_path / "text.whl")


class _Runs:
    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (print, ("executed",))


@pytest.mark.parametrize("value", [_Runs(), [torch.zeros(1)], {"a": 1}])
def test_nothing_but_tensors_is_unpickled(value: object, capsys: pytest.CaptureFixture[str]) -> None:
    raw = io.BytesIO()
    torch.save(value, raw)
    with pytest.raises(DataError):
        restricted_load(raw.getvalue())
    assert "executed" not in capsys.readouterr().out


def test_tensors_are() -> None:
    raw = io.BytesIO()
    torch.save({"a": torch.ones(2)}, raw)
    assert restricted_load(raw.getvalue())["a"].tolist() == [1, 1]
