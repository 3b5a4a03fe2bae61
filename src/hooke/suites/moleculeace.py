"""MoleculeACE as a suite: fifteen targets with their published test rows; the RMSE of all of them, and that of the cliff molecules."""

from __future__ import annotations

from hooke.datasets.moleculeace import TABLES
from hooke.suites.evaluation import Suite, SuiteTask

SUITE = Suite(
    "moleculeace",
    "MoleculeACE: potencies with activity cliffs, published splits",
    tuple(SuiteTask(name, "moleculeace", {"table": name}, table.metric) for name, table in TABLES.items()),
    cliffs=True,
)
