"""Hooke: foundation models from atoms to cells.

    import hooke
    run = hooke.fit(csv="assay.csv", smiles="smiles")
    hooke.predict(run.folder, "new.csv", "predictions.parquet")

Everything here is loaded when it is first used, so that `import hooke` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hooke.version import __version__

if TYPE_CHECKING:
    from hooke import maps
    from hooke.api import conformers
    from hooke.api.data import get_data, prepare_data
    from hooke.api.diffraction import (
        convert_patterns,
        evaluate_reconstruction,
        phase,
        plan_reconstruction,
        reconstruct,
        simulate_patterns,
    )
    from hooke.api.discovery import next_experiments, run_discovery, simulate_discovery, toward_target
    from hooke.api.inference import embed, explain, export, load, plan_inference, predict, probe, probe_blocks
    from hooke.api.potentials import calculator, dynamics, relax
    from hooke.api.quantum import label, label_atoms
    from hooke.api.response import (
        check_screen,
        evaluate_responses,
        explain_response,
        explore_response,
        fit_response,
        predict_response,
    )
    from hooke.api.studies import (
        compare_optimisers,
        run_diversity,
        run_explanations,
        run_label_scaling,
        run_leaderboard,
        run_responses,
        run_scaling,
        run_search,
    )
    from hooke.api.training import benchmark, describe_run, finetune, fit, plan_training, resume, run_suite
    from hooke.core.recipe import Recipe, load_recipe
    from hooke.images.store import ImageStore
    from hooke.molecules.store import MoleculeStore
    from hooke.studies.quickstart import quickstart
    from hooke.studies.quickstart_cells import quickstart_cells
    from hooke.studies.quickstart_diffraction import quickstart_diffraction
    from hooke.studies.quickstart_images import quickstart_images

_HOME = {
    **dict.fromkeys(("get_data", "prepare_data"), "hooke.api.data"),
    **dict.fromkeys(
        ("convert_patterns", "evaluate_reconstruction", "phase", "plan_reconstruction", "reconstruct", "simulate_patterns"),
        "hooke.api.diffraction",
    ),
    **dict.fromkeys(("next_experiments", "run_discovery", "simulate_discovery", "toward_target"), "hooke.api.discovery"),
    **dict.fromkeys(("embed", "explain", "export", "load", "plan_inference", "predict", "probe", "probe_blocks"), "hooke.api.inference"),
    **dict.fromkeys(("calculator", "dynamics", "relax"), "hooke.api.potentials"),
    **dict.fromkeys(("label", "label_atoms"), "hooke.api.quantum"),
    **dict.fromkeys(
        ("check_screen", "evaluate_responses", "explain_response", "explore_response", "fit_response", "predict_response"), "hooke.api.response"
    ),
    **dict.fromkeys(
        ("benchmark", "describe_run", "finetune", "fit", "plan_training", "resume", "run_suite"), "hooke.api.training"
    ),
    **dict.fromkeys(
        (
            "compare_optimisers", "run_diversity", "run_explanations", "run_label_scaling", "run_leaderboard", "run_responses",
            "run_scaling", "run_search",
        ),
        "hooke.api.studies",
    ),
    "ImageStore": "hooke.images.store",
    "MoleculeStore": "hooke.molecules.store",
    "Recipe": "hooke.core.recipe",
    "load_recipe": "hooke.core.recipe",
    "quickstart": "hooke.studies.quickstart",
    "quickstart_cells": "hooke.studies.quickstart_cells",
    "quickstart_diffraction": "hooke.studies.quickstart_diffraction",
    "quickstart_images": "hooke.studies.quickstart_images",
}  # fmt: skip
_MODULES = {"conformers": "hooke.api.conformers", "maps": "hooke.maps"}
__all__ = [
    "ImageStore", "MoleculeStore", "Recipe", "__version__", "benchmark", "calculator", "check_screen",
    "compare_optimisers", "conformers", "convert_patterns", "describe_run", "dynamics", "embed",
    "evaluate_reconstruction", "evaluate_responses", "explain", "explain_response", "explore_response", "export", "finetune",
    "fit", "fit_response", "get_data", "label", "label_atoms", "load", "load_recipe", "maps", "next_experiments", "phase",
    "plan_inference", "plan_reconstruction", "plan_training", "predict", "predict_response", "prepare_data", "probe", "probe_blocks",
    "quickstart", "quickstart_cells", "quickstart_diffraction", "quickstart_images", "reconstruct", "relax", "resume",
    "run_discovery", "run_diversity", "run_explanations", "run_label_scaling", "run_leaderboard", "run_responses",
    "run_scaling", "run_search", "run_suite", "simulate_discovery", "simulate_patterns", "toward_target",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    import importlib

    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name not in _HOME:
        raise AttributeError(f"module 'hooke' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
