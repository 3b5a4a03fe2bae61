"""Published weights as an image encoder, on a generated state dict in the public layout (its list stands in tests/nn)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from safetensors.torch import save_file
from torch import Tensor

import hooke
from hooke.core.errors import DataError, UsageError
from hooke.encoders.openphenom.encoder import load_openphenom
from hooke.images.store import ImageStore
from hooke.inference.parts import read_parquet_stamp


def _public() -> ModuleType:
    path = Path(__file__).parent / "test_conversion.py"
    spec = importlib.util.spec_from_file_location("public_layout", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    public = _public()
    return public.generated(public.layout(**public.SMALL), grid=4)


@pytest.fixture
def weights(state: dict[str, Tensor], tmp_path: Path) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_sizes_are_read_from_the_tensors(weights: Path, state: dict[str, Tensor]) -> None:
    model = load_openphenom(weights, "cpu")
    public = _public()
    assert (model.network.encoder.blocks, model.spec.crop, model.network.encoder.patch) == (2, 256, 4)
    assert (model.width, model.modality, model.spec.agnostic, model.on_gpu) == (24, "images", True, False)
    blocks = model.network.encoder.encoder.transformer.blocks
    assert blocks[0].heads == public.CONFIG.heads
    other = {name.replace(".fc_norm.", ".norm."): tensor.contiguous() for name, tensor in state.items()}
    save_file(other, weights)
    assert load_openphenom(weights, "cpu").network.encoder.encoder.norm_place == "tokens"


def test_wells_of_any_channels(weights: Path, screen: ImageStore, tmp_path: Path) -> None:
    options = {"crop": 16, "device": "cpu", "show_progress": False}
    report = hooke.embed("openphenom", screen.folder, tmp_path / "w.parquet", weights=weights, **options)
    assert pl.read_parquet(tmp_path / "w.parquet")["embedding"].dtype == pl.Array(pl.Float32, 24)
    assert tuple(report.facts["channels"]) == screen.channels
    stamp = read_parquet_stamp(tmp_path / "w.parquet")
    assert stamp is not None
    assert "non-commercial" in json.dumps(stamp)
    turned = screen.channels[::-1]
    hooke.embed("openphenom", screen.folder, tmp_path / "t.parquet", weights=weights, channels=turned, **options)
    first, second = (pl.read_parquet(tmp_path / name)["embedding"].to_numpy() for name in ("w.parquet", "t.parquet"))
    assert np.allclose(first, second, atol=1e-5)


def test_what_is_missing_is_said(weights: Path, state: dict[str, Tensor], screen: ImageStore, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ships no OpenPhenom weights"):
        hooke.embed("openphenom", screen.folder, tmp_path / "w.parquet")
    with pytest.raises(UsageError, match="smiles_column is no option"):
        hooke.embed("openphenom", screen.folder, tmp_path / "w.parquet", weights=weights, smiles_column="x")
    with pytest.raises(DataError, match="does not exist"):
        load_openphenom(tmp_path / "none.safetensors")
    whole = {name: tensor.contiguous() for name, tensor in state.items()}
    save_file({name: tensor for name, tensor in whole.items() if "cls_token" not in name}, weights)
    with pytest.raises(DataError, match=r"lacks encoder\.class_tokens"):
        load_openphenom(weights)
    save_file({name: tensor for name, tensor in whole.items() if "decoder_pred" not in name}, weights)
    with pytest.raises(DataError, match=r"not a complete OpenPhenom model: .*decoder\.predict"):
        load_openphenom(weights)
