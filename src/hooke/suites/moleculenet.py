"""MoleculeNet as a suite: eleven tables with fixed test scaffolds.

All but BBBP also stand in `shelfmix`, without their test molecules.
"""

from __future__ import annotations

from hooke.datasets.moleculenet import TABLES
from hooke.suites import Suite, SuiteTask

_NAMES = (
    "esol", "freesolv", "lipophilicity", "qm7", "qm8", "bbbp", "clintox", "sider", "tox21", "toxcast", "muv",
)  # fmt: skip
_PRETRAINED: dict[str, tuple[str, ...]] = {  # tables of `shelfmix`; of the others, the one of the same name
    "esol": ("esol", "pocketmix"),  # which holds aqueous solubilities as well
    "freesolv": ("freesolv", "pocketmix"),  # which holds FreeSolv
    "bbbp": (),
}
SUITE = Suite(
    "moleculenet",
    "MoleculeNet, fixed test scaffolds",
    tuple(
        SuiteTask(name, "moleculenet", {"table": name}, TABLES[name].metric, pretraining=_PRETRAINED.get(name, (name,)))
        for name in _NAMES
    ),
)
