from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from hooke.core.errors import DataError
from hooke.nn.weights import load_weights, read_weights


def test_weights_go_into_a_network_of_the_same_shape(tmp_path: Path) -> None:
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    save_file(first.state_dict(), tmp_path / "w.safetensors")
    load_weights(second, tmp_path / "w.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_another_network_is_refused_with_what_differs(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2, 4), "extra": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(DataError, match=r"missing \['bias'\], unknown \['extra'\], other shape \['weight'\]"):
        load_weights(nn.Linear(3, 2), tmp_path / "w.safetensors")


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.safetensors does not exist"):
        read_weights(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\x80\x04not weights, and never unpickled")
    with pytest.raises(DataError, match=r"bad.safetensors cannot be read"):
        read_weights(tmp_path / "bad.safetensors")
