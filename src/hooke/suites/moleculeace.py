"""MoleculeACE as a suite: fifteen targets with their published test rows; the RMSE of all of them, and that of the cliff molecules.

The sparse ChEMBL of `shelfmix` holds measurements of all fifteen targets, without the test molecules.
"""

from __future__ import annotations

from hooke.datasets.moleculeace import TABLES
from hooke.suites import Suite, SuiteTask

SUITE = Suite(
    "moleculeace",
    "MoleculeACE: potencies with activity cliffs, published splits",
    tuple(
        SuiteTask(name, "moleculeace", {"table": name}, table.metric, pretraining=("chembl",))
        for name, table in TABLES.items()
    ),
    cliffs=True,
)
