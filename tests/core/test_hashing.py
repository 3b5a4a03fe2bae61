from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.core.hashing import content_hash, file_sha256


@dataclass(frozen=True)
class Options:
    width: int = 3
    names: tuple[str, ...] = ("a", "b")


def test_equal_content_has_equal_hashes() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash((1, 2)) == content_hash([1, 2])
    assert content_hash(Options()) == content_hash({"width": 3, "names": ["a", "b"]})
    assert content_hash(Path("a/b")) == content_hash("a/b")
    assert content_hash({3, 1, 2}) == content_hash(frozenset({1, 2, 3}))
    assert content_hash(np.float64(0.5)) == content_hash(0.5)


def test_different_content_has_different_hashes() -> None:
    array = np.arange(6, dtype=np.int32)
    values = [
        1, "1", 1.5, None, True, [1], [[1]], {"1": 1}, Options(), Options(width=4),
        array, array[::-1], array.reshape(2, 3), array.astype(np.int64),
    ]  # fmt: skip
    assert len({content_hash(value) for value in values}) == len(values)


def test_what_has_no_content_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot hash a function"):
        content_hash(lambda: None)
    with pytest.raises(TypeError, match="cannot hash a type"):
        content_hash(Options)


JSON = st.recursive(
    st.none() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_any_json_value_has_a_hash(value: object) -> None:
    assert content_hash(value) == content_hash(value)


def test_a_hash_is_the_same_in_another_process() -> None:
    code = "from hooke.core.hashing import content_hash; print(content_hash({'b': {3, 1, 2}, 'a': (1.5, None)}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == content_hash({"b": {3, 1, 2}, "a": (1.5, None)})


def test_file_sha256_reads_all_bytes(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(3 << 20)
    (tmp_path / "file").write_bytes(data)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()
