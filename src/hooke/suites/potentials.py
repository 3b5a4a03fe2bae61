"""Potentials on trajectories of molecules: trained on one part of a set, tested on all others; the networks beside baselines."""

from __future__ import annotations

from hooke.suites import PotentialSuite

SUITE = PotentialSuite(
    name="potentials",
    title="Potentials: four networks on trajectories of molecules",
    recipe="trajectory_potential",
    sets=("bpa", "acac", "ethanol"),
    parts=("train_300K", "train_300K", "train"),
    models=("schnet", "painn", "torchmd_et", "dimenet_plus_plus"),
)
