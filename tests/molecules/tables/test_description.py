"""Tables described."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from hooke.core.cards import RemoteFile
from hooke.core.label import Label
from hooke.molecules.tables.description import LabelOptions, Table, columns_of

TABLE = Table((("gene-*", Label("g")), ("y", Label("potency", unit="nM"))), counts={"gene-*": 7})


def test_patterns_written_out() -> None:
    assert columns_of("y", 3) == ["y"]
    assert columns_of("gene-*", 2) == ["gene-0", "gene-1"]
    assert [column for column, _ in TABLE.every_column()] == [*(f"gene-{number}" for number in range(7)), "y"]
    assert [column for column, _ in TABLE.every_column(2)] == ["gene-0", "gene-1", "y"]


def test_labels_are_named_after_the_label_or_the_column_and_in_a_mixture_after_the_table() -> None:
    assert [label.name for label in TABLE.labels] == ["gene-*", "potency"]
    named = replace(TABLE, name="a")
    assert [(label.name, label.source) for label in named.labels] == [("a/gene-*", "a"), ("a/potency", "a")]
    assert [label.name for _, label in named.every_column(1)] == ["a/gene-0", "a/potency"]
    assert named.labels[1].unit == "nM"
    assert Table().labels == ()


def test_parts() -> None:
    assert not TABLE.published_split
    for parts in ({"parts": ("train",)}, {"split_column": "part"}, {"split_file": RemoteFile("s.pt")}):
        assert replace(TABLE, **parts).published_split  # type: ignore[arg-type]


def test_what_is_said_about_labels() -> None:
    options = LabelOptions(
        kinds={"a": "binary"}, units={"b": "nM"}, convert_to={"b": "M"}, transforms={"b": "minus_log10"}
    )
    assert options.columns() == {"a", "b"}
    assert (options.stored_unit("a"), options.stored_unit("b")) == ("", "-log10 M")


def test_a_card_is_read_without_numpy() -> None:
    code = "import sys; from hooke.datasets import largemix, admet, csv; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
