"""Similarity clusters keep look-alikes together."""

from __future__ import annotations

from hooke.molecules.splitting import similarity_clusters


def test_equal_molecules_share_a_cluster_and_strangers_do_not() -> None:
    found = similarity_clusters(["CCCCCCO", "OCCCCCC", "c1ccc2ccccc2c1", "CCCCCCCO"]).tolist()
    assert found[0] == found[1] == found[3]
    assert found[2] != found[0]
    assert similarity_clusters([]).tolist() == []
