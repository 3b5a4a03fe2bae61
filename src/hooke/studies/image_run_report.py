"""The report of one image run: what it learnt beside what guessing gives, pictures, data, and how to reproduce it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.inference.image_run import LoadedImageRun
from hooke.nn.images.encoder import MaskedEncoder
from hooke.report import build
from hooke.report.html import write_report
from hooke.report.provenance import reproduce
from hooke.report.schema import KeyNumber, Report, ResultTable, Summary
from hooke.studies.image_sections import citations_of_images, image_data_section, reconstruction_picture

_GUESS = {"mse": ("predicting the mean of each plane", 1.0)}
_SHOWN = 4
_LOWER = ("loss", "mse", "fourier", "cross_entropy")


def write_image_run_report(run: RunFolder) -> Path:
    """Write report.json and report.html of a finished image run; returns the path of the page."""
    store = ImageStore.open(Path(run.info["store"]))
    loaded = LoadedImageRun.open(run.folder)
    masked = isinstance(loaded.network.encoder, MaskedEncoder) and "mask_ratio" in run.recipe["task"]
    rows = np.linspace(0, len(store) - 1, _SHOWN).astype(int).tolist()
    report = Report(
        title=f"{run.recipe['name']}: {run.recipe['model']['name']} on {run.recipe['data']['name']}",
        subtitle=f"run {run.folder.name}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=_summary(run, store),
        data=(image_data_section(run, store),),
        training=(build.learning_curves("Training", [line for line in run.metrics() if line["part"] == "members"]),),
        results=_results(run),
        pictures=(reconstruction_picture(loaded, store, rows),) if masked else (),
        items="fields",
        reproduce=reproduce(
            commands={
                "Train again": run.info["command"],
                "Continue or check": f"hooke resume {run.folder}",
                "Embed wells": f"hooke embed {run.folder} {store.folder} -o wells.parquet",
            },
            recipes={"recipe": run.recipe},
            run=run.info,
            citations=citations_of_images(run),
        ),
    )
    return write_report(report.write(run.folder / "report.json"), run.folder / "report.html")


def _measured(run: RunFolder) -> tuple[str, str, dict[str, float]]:
    """The part, the target and its metrics that count: those of test, or else of valid."""
    metrics = run.read_json("metrics.json")
    for part in ("test", "valid"):
        for target, found in metrics.get(part, {}).get("image", {}).items():
            return part, target, found
    return "", "", {}


def _summary(run: RunFolder, store: ImageStore) -> Summary:
    caveats = ("The images are simulated.",) if store.simulated else ()
    part, target, found = _measured(run)
    if not found:
        return Summary("Nothing was held out, so nothing is claimed.", caveats=caveats)
    if "well_accuracy" in found:
        text = (
            f"{found['well_accuracy']:.1%} of the {part} wells are given the right {target.replace('_', ' ')}; "
            f"chance gives {found['chance']:.1%}."
        )
        number = KeyNumber(
            f"{found['well_accuracy']:.3f}", f"accuracy on {part} wells", f"chance {found['chance']:.3f}"
        )
        return Summary(text, key_numbers=(number,), caveats=caveats)
    name, value = ("mse", found["mse"]) if "mse" in found else ("loss", found["loss"])
    beside = f"; {_GUESS[name][0]} gives {_GUESS[name][1]:.2f}" if name in _GUESS else ""
    number = KeyNumber(f"{value:.3f}", f"{name} on {part} fields")
    return Summary(f"The {name} on {part} fields is {value:.3f}{beside}.", key_numbers=(number,), caveats=caveats)


def _results(run: RunFolder) -> tuple[ResultTable, ...]:
    part, target, found = _measured(run)
    names = [name for name in found if name != "chance"]
    if not names:
        return ()
    scores: dict[str, list[Any]] = {run.recipe["model"]["name"]: [found[name] for name in names]}
    return (
        build.result_table(
            "Held-out fields", [Label(f"{target}: {name}") for name in names],
            {f"{target}: {name}": name for name in names}, scores,
            higher_is_better={f"{target}: {name}": name not in _LOWER for name in names}, part=part,
        ),
    )  # fmt: skip
