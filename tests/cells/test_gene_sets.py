from __future__ import annotations

from pathlib import Path

import pytest

from hooke.cells.gene_sets import known_gene_sets, memberships, read_gmt
from hooke.core.errors import DataError


def test_sets_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text("one\tabout\tA\tB\tA\n\ntwo\t\tC,1.0\tB\n")
    sets = known_gene_sets(str(path))
    assert sets == {"one": ("A", "B"), "two": ("C", "B")}
    assert memberships(sets, ["B", "X", "A"]).toarray().tolist() == [[1, 0, 1], [1, 0, 0]]
    assert known_gene_sets("none") == {}


@pytest.mark.parametrize("text", ["", "one\tabout\n", "one\t\tA\none\t\tB\n"])
def test_what_is_no_file_of_sets(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text(text)
    with pytest.raises(DataError, match=r"sets\.gmt"):
        read_gmt(path)
    with pytest.raises(DataError, match="there is no file"):
        read_gmt(tmp_path / "other.gmt")


@pytest.mark.mirror
def test_gene_ontology(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    sets = known_gene_sets(show_progress=False)
    assert len(sets) == 6036
    assert "HSPA5" in sets["'de novo' posttranslational protein folding (GO:0051084)"]
