"""ADMET as a suite: Admetica's 27 tables and Biogen's 6 endpoints, with fixed test rows."""

from __future__ import annotations

from hooke.datasets.admet import TABLES
from hooke.suites.evaluation import Suite, SuiteTask

_ALSO_PRETRAINED = ("lipophilicity",)  # the same ChEMBL set as MoleculeNet's
SUITE = Suite(
    "admet",
    "ADMET: Admetica and Biogen, fixed test rows",
    tuple(
        SuiteTask(name, "admet", {"table": name}, table.metric, pretraining=name in _ALSO_PRETRAINED)
        for name, table in TABLES.items()
    ),
)
