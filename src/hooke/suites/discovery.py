"""Loops with the laboratory, simulated on genome-wide screens: share of the hits found, beside chance, with and without earlier screens."""

from __future__ import annotations

from hooke.suites import DiscoverySuite

SUITE = DiscoverySuite(
    name="discovery",
    title="Discovery loops on five genome-wide screens",
    dataset="discovery_screens",
    screens=("ifng", "il2", "sanchez21", "sanchez21_down", "sars_cov_2"),
)
