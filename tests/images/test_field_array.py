"""Fields in memory: what is taken and what is refused, and that their vectors are those of the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import hooke
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.encoders import Encoder
from hooke.images.field_array import FieldArray
from hooke.images.store import ImageStore

CHANNELS = ("DNA", "ER", "RNA", "AGP", "Mito")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return hooke.load("tiny_cells", device="cpu")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 60_000, (3, 5, 64, 64), dtype=np.uint16)


def test_vectors_are_those_of_the_command(encoder: Encoder, screen: ImageStore, tmp_path: Path) -> None:
    fields = screen.read(np.arange(len(screen)), CHANNELS)
    vectors = encoder.embed(fields)
    assert vectors.shape == (len(screen), encoder.width)
    hooke.embed("tiny_cells", screen.folder, tmp_path / "wells.parquet", device="cpu", show_progress=False)
    wells = pl.read_parquet(tmp_path / "wells.parquet")
    keys = screen.metadata.select("experiment", "plate", "well").rows()
    of_well = {row[:-1]: np.array(row[-1]) for row in wells.select("experiment", "plate", "well", "embedding").rows()}
    for key, expected in of_well.items():
        own = [place for place, each in enumerate(keys) if each == key]
        np.testing.assert_allclose(vectors[own].mean(axis=0), expected, rtol=1e-4, atol=1e-5)


def test_one_field_floats_and_other_whole_numbers(encoder: Encoder, pixels: np.ndarray) -> None:
    expected = encoder.embed(pixels)
    np.testing.assert_allclose(encoder.embed(pixels[1]), expected[1:2], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(encoder.embed(pixels.astype(np.int64)), expected)
    np.testing.assert_allclose(encoder.embed(pixels / 65_535), expected, rtol=1e-3, atol=1e-3)
    assert encoder.embed(pixels[:0]).shape == (0, encoder.width)


def test_channels_go_by_name(encoder: Encoder, pixels: np.ndarray) -> None:
    turned = encoder.embed(pixels[:, ::-1], channels=CHANNELS[::-1])
    np.testing.assert_allclose(turned, encoder.embed(pixels), rtol=1e-3, atol=1e-4)
    with pytest.raises(
        UsageError, match=r"5 channel names \(DNA, .*for the 2 channels .* shape \(3, 2, 64, 64\): name"
    ):
        encoder.embed(pixels[:, :2])
    with pytest.raises(UsageError, match="a channel name comes twice: DNA, DNA"):
        encoder.embed(pixels[:, :2], channels=("DNA", "DNA"))
    with pytest.raises(UnknownNameError, match="Did you mean 'DNA'"):
        FieldArray(pixels, CHANNELS).channel_numbers(("DNQ",))


def test_what_is_no_image_is_refused(encoder: Encoder, pixels: np.ndarray) -> None:
    for wrong in (pixels[0, 0], pixels[None]):
        with pytest.raises(UsageError, match=r"images are an array \(fields, channels, height, width\), or"):
            encoder.embed(wrong)
    for value in (np.nan, np.inf):
        broken = (pixels / 65_535).astype(np.float32)
        broken[1, 2, 3, 4] = value
        with pytest.raises(DataError, match="^1 pixels are NaN or infinite, .* field 1, channel 2, row 3, column 4"):
            encoder.embed(broken)
    with pytest.raises(DataError, match="lie between 0 and 65,535, these between -1 and"):
        encoder.embed(pixels.astype(np.int32) - 1 - pixels.min())
    with pytest.raises(DataError, match="shares of the full scale, 0 to 1, these lie between .*: give them as uint8"):
        encoder.embed(pixels.astype(np.float64))
    with pytest.raises(DataError, match="whole numbers or floats, not bool"):
        encoder.embed(pixels > 5)
    with pytest.raises(DataError, match="holds no pixels"):
        encoder.embed(pixels[:, :, :0])


def test_predictions_of_an_array_have_the_command_s_columns(encoder: Encoder, pixels: np.ndarray) -> None:
    found = encoder.predict(pixels, uncertainty=False)  # type: ignore[attr-defined]
    assert found["row"].to_list() == [0, 1, 2]
    assert "gene" in found.columns
    assert found["reason"].is_null().all()
