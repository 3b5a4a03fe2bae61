"""Plates, profiles and maps that once failed (cases/images beside the mirror): each gives what is expected of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.cells.annotations import known_pairs
from hooke.cells.files import read_profiles
from hooke.core.errors import DataError

pytestmark = [pytest.mark.mirror, pytest.mark.cases]


@pytest.fixture(scope="module")
def screens(cases: Path) -> Path:
    return cases / "images"


def fields(text: str) -> dict[str, str]:
    pairs = (line.split(maxsplit=1) for line in text.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("ix_1536", "", {"wells": "4", "files_used": "8", "channels": "1,2"}),
        ("c01_perwell", "", {"wells": "2", "files_used": "6", "channels": "01,02,03"}),
        ("ix_single_site", "", {"wells": "4", "files_used": "8", "channels": "1,2"}),
        ("one_timeseries", "problems=skip_site", {"wells": "4", "files_used": "4", "files_refused": "1", "refused_wrong_axes": "1"}),
        ("z04_miss", "problems=skip_site", {"wells": "3", "refused": "1", "refused_missing_group": "1"}),
        ("npz_hwc", "", {"wells": "4", "channels": "1,2,3"}),
        ("miniswhite", "", {"wells": "4", "files_used": "8"}),
        ("ix_single_site", "metadata={0}/m_nan2.parquet", {"controls": "0", "wells": "4"}),
        ("ix_single_site", "metadata={0}/m_dmso.csv", {"controls": "1", "wells": "4"}),
        ("ix_single_site", "metadata={0}/m_empty.csv", {"controls": "1", "wells": "4"}),
        ("ix_single_site", "metadata={0}/m_Neg.csv", {"controls": "1", "wells": "4"}),
        ("ix_single_site", "metadata={0}/m_utf16.csv", {"controls": "1", "wells": "4"}),
    ],
)  # fmt: skip
def test_folders_of_images(screens: Path, hooke, name: str, options: str, expected: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    given = [option.format(screens) for option in options.split()]
    found = hooke("data", "prepare", "image_folder", f"path={screens / name}", *given)
    assert found.code == 0, found.err
    told = fields(found.out)
    assert {key: told[key] for key in expected} == expected
    assert int(told["files"]) == sum(int(told[f"files_{use}"]) for use in ("used", "refused", "ignored"))
    listed = pl.read_parquet(Path(told["store"]) / "files.parquet")
    assert len(listed) == int(told["files"])
    assert listed.filter(pl.col("fate") != "used")["reason"].null_count() == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dup_channel_names", "the channel name 'FITC' stands twice in its OME metadata"),
        ("czi", "CZI (Zeiss) is not read: export OME-TIFF"),
        (
            "ix_single_site metadata={0}/m_site.csv",
            "A01 site 2: the metadata table has this row, but there are no images",
        ),
    ],
)
def test_folders_that_are_refused(screens: Path, hooke, name: str, said: str) -> None:  # type: ignore[no-untyped-def]
    folder, *options = name.format(screens).split()
    found = hooke("data", "prepare", "image_folder", f"path={screens / folder}", *options)
    assert found.code == 3
    assert said in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "expected", "said"),
    [
        ("correct {0}/jump_pilot.csv --method centre", {"controls": "24 negative, 24 positive", "wells": "288"}, ""),
        ("correct {0}/jump_pilot_swapped.csv --method centre", {"controls": "24 negative, 24 positive"}, ""),
        ("correct {0}/cp_ebar.csv --method centre", {"wells": "288", "batches": "3"}, ""),
        ("correct {0}/cp_text.csv --normalise robust --select-features", {"features": "24 -> 22 -> 22"}, "1 x '#DIV/0!'"),
        ("correct {0}/nullable.h5ad --method centre", {"controls": "48 negative, 0 positive"}, ""),
        ("correct {0}/ctl_trt.parquet", {"controls": "48 negative, 0 positive"}, ""),
        ("correct {0}/rx3emb.parquet --metadata {0}/rx3meta.csv", {"controls": "48 negative, 0 positive"}, ""),
        ("correct {0}/obsm.h5ad", {"features": "24 -> 24 -> 24"}, "X is empty; the embedding obsm['X_emb'] is read"),
        ("build {0}/nometa2.parquet --metadata {0}/meta_part.csv --layout none", {"wells": "288"}, "88 of 288 profiles have no row"),
        ("build {0}/doses.parquet --layout none", {"entities": "compound 40"}, ""),
        ("build {0}/samename.parquet --layout none", {"entities": "gene 40, compound 10"}, ""),
    ],
)  # fmt: skip
def test_profiles_and_maps(
    screens: Path, hooke, caplog: pytest.LogCaptureFixture, command: str, expected: dict[str, str], said: str
) -> None:  # type: ignore[no-untyped-def]
    found = hooke("map", *command.format(screens).split(), "-o", "out.parquet")
    assert found.code == 0, found.err
    told = fields(found.out)
    assert {key: told[key] for key in expected} == expected
    assert said in caplog.text
    table = pl.read_parquet("out.parquet")
    if "cp_ebar" in command:
        assert set(table["plate"]) == {"1E10", "2E10", "3E10"}
    if command.startswith("build"):
        assert table["entity"].n_unique() == len(table)


def test_the_order_of_control_columns_is_nothing(screens: Path) -> None:
    one, other = (read_profiles(screens / name) for name in ("jump_pilot.csv", "jump_pilot_swapped.csv"))
    np.testing.assert_array_equal(one.features, other.features)
    np.testing.assert_array_equal(one.column("control"), other.column("control"))


@pytest.mark.parametrize(
    "name", ["semi.csv", "t.tsv", "space.csv", "lower.csv", "a/pairs.csv", "b/pairs.csv", "U.CSV", "dup.csv"]
)
def test_tables_of_pairs(screens: Path, name: str) -> None:
    path = screens / "pairs" / name
    rows = [re.split(r"[,;\t]", line.upper()) for line in path.read_text().splitlines()[1:]]
    pairs = {frozenset(cell.strip() for cell in row) for row in rows if len(row) == 2}
    [known] = known_pairs([str(path)]).values()
    found = known.spelled_as([f"G{number:03d}" for number in range(40)])
    assert set(map(frozenset, zip(found.first, found.second, strict=True))) == {
        pair for pair in pairs if len(pair) == 2
    }


@pytest.mark.parametrize("name", ["empty.csv", "zero.csv"])
def test_tables_without_pairs(screens: Path, name: str) -> None:
    with pytest.raises(DataError, match="holds no pair|is empty"):
        known_pairs([str(screens / "pairs" / name)])


def test_two_tables_of_pairs_of_one_name(screens: Path) -> None:
    known: dict[str, Any] = known_pairs([str(screens / "pairs" / folder / "pairs.csv") for folder in "ab"])
    assert len(known) == 2
