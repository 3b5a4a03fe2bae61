"""ADMET as a suite: Admetica's 27 tables and Biogen's 6 endpoints, with fixed test rows."""

from __future__ import annotations

from hooke.datasets.admet import TABLES
from hooke.suites import Suite, SuiteTask

_ALSO_PRETRAINED: dict[str, tuple[str, ...]] = {
    "lipophilicity": ("lipophilicity",),  # the same ChEMBL set as MoleculeNet's
    "solubility": ("esol", "pocketmix"),  # AqSolDB, which took it in; aqueous solubilities as well
    # other measurements of the same target
    **dict.fromkeys(("herg", "cyp3a4_inhibitor", "cyp3a4_substrate"), ("chembl", "toxcast")),
    **dict.fromkeys(("pgp_inhibitor", "pgp_substrate"), ("chembl",)),
    **{f"{name}_inhibitor": ("toxcast",) for name in ("cyp1a2", "cyp2c9", "cyp2c19", "cyp2d6")},
    **{f"{name}_substrate": ("toxcast",) for name in ("cyp1a2", "cyp2c9", "cyp2c19", "cyp2d6")},
}
SUITE = Suite(
    "admet",
    "ADMET: Admetica and Biogen, fixed test rows",
    tuple(
        SuiteTask(name, "admet", {"table": name}, table.metric, pretraining=_ALSO_PRETRAINED.get(name, ()))
        for name, table in TABLES.items()
    ),
)
