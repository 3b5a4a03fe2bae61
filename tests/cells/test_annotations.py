"""Known pairs: unique and undirected, whatever the order and repetition in the file; real files where the mirror is at hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from hooke.cells import annotations
from hooke.cells.annotations import SOURCES, complexes, known_pairs, licence, overlap, read_pairs
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.evaluate.known_pairs import unique_pairs


def test_pairs_are_unique_and_undirected(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("entity1,entity2\nB,A\nA,B\nA,A\nC,A\nC,A\n,B\n")
    pairs = read_pairs(path, "mine")
    assert list(zip(pairs.first, pairs.second, strict=True)) == [("A", "B"), ("A", "C")]
    assert len(pairs) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "entity1;entity2\nA;B\n"), ("a.tsv", "entity1\tentity2\n A \tB\n"), ("A.CSV", "Entity1,Entity2\nB, A \n"),
        ("g.txt", "gene1,gene2\nA,B\n"),
    ],
)  # fmt: skip
def test_files_of_pairs_as_people_have_them(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    [pairs] = known_pairs(str(tmp_path / name)).values()
    assert (pairs.first.tolist(), pairs.second.tolist()) == (["A"], ["B"])


def test_two_files_of_one_name_are_two_sources(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pairs.csv").write_text(f"entity1,entity2\nx,{folder}\n")
    files = [str(tmp_path / folder / "pairs.csv") for folder in ("a", "b")]
    assert list(known_pairs(files)) == ["a/pairs", "b/pairs"]
    with pytest.raises(UsageError, match="given twice"):
        known_pairs([files[0], files[0]])


def test_without_the_network_one_line_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: object, **__: object) -> Path:
        raise DataError("no network")

    monkeypatch.setattr("hooke.core.download.fetch", fetch)
    with pytest.raises(DataError, match=r"relations of CORUM .*no network.*--sources pairs.csv .*HOOKE_MIRROR"):
        known_pairs("CORUM")


def test_overlap() -> None:
    sources = {"one": unique_pairs("one", "AB", "BC"), "two": unique_pairs("two", "AX", "BY")}
    assert overlap(sources) == {1: 3, 2: 1}


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        read_pairs(tmp_path / "none.txt", "mine")
    (tmp_path / "pointer.txt").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match="Git LFS"):
        read_pairs(tmp_path / "pointer.txt", "mine")
    (tmp_path / "no.txt").write_text("entity1,entity2\n")
    with pytest.raises(DataError, match="holds no pair"):
        read_pairs(tmp_path / "no.txt", "mine")
    (tmp_path / "other.txt").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="entity1"):
        read_pairs(tmp_path / "other.txt", "mine")


def test_own_files_beside_named_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "relations.csv"
    path.write_text("entity1,entity2,sign\nB,A,1\n")
    assert list(known_pairs(str(path))) == ["relations"]
    monkeypatch.setattr("hooke.core.download.fetch", lambda *_, **__: path)
    found = known_pairs(f"{path}, CORUM")
    assert list(found) == ["relations", "CORUM"]
    assert found["relations"].first.tolist() == ["A"]
    with pytest.raises(DataError, match="no file"):
        known_pairs([str(tmp_path / "none.csv")])


@pytest.mark.parametrize("name", ["COR", "/", "corum"])
def test_a_source_is_matched_whole(name: str) -> None:
    with pytest.raises(UnknownNameError):
        known_pairs([name])
    with pytest.raises(UnknownNameError):
        licence(name)
    assert "non-commercial" in licence("SIGNOR")


def test_complexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clusters.tsv.gz"
    path.write_bytes(gzip.compress(b"ring\tA B C A\nrod\tD E\n\n"))
    monkeypatch.setattr("hooke.core.download.fetch", lambda *_, **__: path)
    assert complexes() == {"ring": ("A", "B", "C"), "rod": ("D", "E")}
    plain = tmp_path / "clusters.tsv"
    plain.write_text("nothing\n")
    monkeypatch.setattr("hooke.core.download.fetch", lambda *_, **__: plain)
    with pytest.raises(DataError, match="without a name and genes"):
        complexes()


@pytest.mark.mirror
def test_the_five_sources_of_the_reference(mirror: Path) -> None:
    sources = known_pairs(show_progress=False)
    assert {name: len(pairs) for name, pairs in sources.items()} == {
        name: source.pairs for name, source in SOURCES.items()
    }
    counts = overlap(sources)
    assert (counts[1], counts[2], counts[5]) == (143_252, 29_600, 54)
    assert len(complexes(show_progress=False)) == 2695 + 1
    assert all(np.all(pairs.first < pairs.second) for pairs in sources.values())
    assert annotations.COMPLEXES.sha256
