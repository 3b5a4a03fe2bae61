"""Murcko scaffolds."""

from __future__ import annotations

import pytest

from hooke.molecules.splitting import murcko_scaffold


def test_scaffolds() -> None:
    assert murcko_scaffold("CCc1ccccc1CC2CC2") == "c1ccc(CC2CC2)cc1"
    assert murcko_scaffold("CCO") == ""
    assert murcko_scaffold("C[C@H]1CCCNC1") == murcko_scaffold("C[C@@H]1CCCNC1")
    with pytest.raises(ValueError, match="not a valid SMILES"):
        murcko_scaffold("C1C")
