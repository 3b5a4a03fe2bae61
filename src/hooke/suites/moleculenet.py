"""MoleculeNet as a suite: eleven tables with fixed test scaffolds.

All but BBBP also stand in `shelfmix`, without their test molecules.
"""

from __future__ import annotations

from hooke.suites import Suite, SuiteTask

_METRICS = {
    "esol": "rmse", "freesolv": "rmse", "lipophilicity": "rmse", "qm7": "mae", "qm8": "mae", "bbbp": "roc_auc", "clintox": "roc_auc",
    "sider": "roc_auc", "tox21": "roc_auc", "toxcast": "roc_auc", "muv": "average_precision",
}  # fmt: skip
_PRETRAINED: dict[str, tuple[str, ...]] = {  # tables of `shelfmix`; of the others, the one of the same name
    "esol": ("esol", "pocketmix"),  # which holds aqueous solubilities as well
    "freesolv": ("freesolv", "pocketmix"),  # which holds FreeSolv
    "bbbp": (),
}
SUITE = Suite(
    "moleculenet",
    "MoleculeNet, fixed test scaffolds",
    tuple(
        SuiteTask(name, "moleculenet", {"table": name}, metric, pretraining=_PRETRAINED.get(name, (name,)))
        for name, metric in _METRICS.items()
    ),
)
