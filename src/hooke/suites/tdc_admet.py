"""TDC's ADMET group as a suite: 22 tables with their official test rows and metrics.

`shelfmix` leaves out no test molecule of it: its archive is not at hand when that mixture is made.
"""

from __future__ import annotations

from hooke.datasets.tdc_admet import TABLES
from hooke.suites import Suite, SuiteTask

_ALSO_PRETRAINED: dict[str, tuple[str, ...]] = {
    "lipophilicity_astrazeneca": ("lipophilicity", "chembl"),  # the same ChEMBL set as MoleculeNet's
    "solubility_aqsoldb": ("esol", "pocketmix"),  # it took in the first; aqueous solubilities as well
}
SUITE = Suite(
    "tdc_admet",
    "TDC ADMET: 22 tables, official test rows",
    tuple(
        SuiteTask(name, "tdc_admet", {"table": name}, table.metric, pretraining=_ALSO_PRETRAINED.get(name, ()))
        for name, table in TABLES.items()
    ),
)
