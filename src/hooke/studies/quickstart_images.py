"""`hooke quickstart images`: from a simulated screen to a map of its genes, and one report of it.

Render a screen with known truth, tune the small CA-MAE that comes with Hooke on the perturbations' names and on what can be measured by
hand on the fields, embed every well, correct the batch effects, build the map, and measure how many of the true relations it recalls:
beside chance, beside no correction, beside the same encoder as it comes, pretrained on this screen alone, and with random weights, and
beside hand-crafted features.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hooke.cells.profiles import Profiles
from hooke.core.label import Label
from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.core.writable import check_output_folder
from hooke.evaluate.bootstrap import Interval
from hooke.images.feature_targets import measured_fields
from hooke.images.features import feature_names
from hooke.images.simulated.screen import RELATIONS
from hooke.images.store import ImageStore
from hooke.images.wells import Wells
from hooke.inference.embed import embed
from hooke.inference.loaded import LoadedRun
from hooke.inference.shipped import run_path
from hooke.maps import construction as map_build
from hooke.maps.correction import fit_correction
from hooke.modalities.images.pictures import picture
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.provenance import reproduce
from hooke.report.schema import Difference, Outcome, Report, Summary
from hooke.studies.encoder_table import EncoderTable, encoder_table, known_modules
from hooke.studies.run_report import citations_of, data_section, modality_of
from hooke.train.fit import finetune, fit, prepare

TUNED, SHIPPED, PRETRAINED = "tuned CA-MAE", "CA-MAE as it comes", "CA-MAE, this screen alone"
RANDOM, FEATURES = "random weights", "hand-crafted"
ENCODER = "tiny_cells"  # see inference.shipped
METHODS = ("none", "centre_scale", "tvn", "sphering")
HEADLINE = "sphering"  # best for the strongest baseline, hand-crafted features, on seed 101, which is not reported
BASELINES = (RANDOM, FEATURES)
_PICTURED = 4


@dataclass(frozen=True)
class ImageQuickstartResult:
    """Where everything is, and what came out."""

    folder: Path
    report: Path
    page: str
    pretrained: Path
    tuned: Path
    store: Path
    wells: Path
    corrected: Path
    map: Path
    table: EncoderTable
    verdict: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in vars(self).items()}
        return {**plain, "table": self.table.to_json()}

    def summary(self) -> str:
        """The table, what to read, and the three commands to type next."""
        header, rows = self.table.lines()
        widths = [max(len(line[place]) for line in (header, *rows)) for place in range(len(header))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in (header, *rows)
        ]
        return "\n".join(
            [
                f"recall of {self.table.queries} true relations among {self.table.entities} genes (simulated), chance "
                f"{self.table.chance:.2f}, 95 % intervals over genes",
                *(line.rstrip() for line in lines),
                "",
                self.verdict,
                f"\nreport  {self.report}   ({self.seconds:.0f} s in all)",
                f"page    {self.page}",
                "\nnext, with your own plates:",
                "  hooke data prepare image_folder path=plates/ metadata=wells.csv",
                "  hooke fit own_images data.path=plates/ data.metadata=wells.csv",
                "  hooke embed runs/own_images image_folder path=plates/ metadata=wells.csv -o wells.parquet",
            ]
        )


def quickstart_images(
    runs: Path = Path("runs"),
    *,
    overrides: tuple[str, ...] = (),
    workers: int | None = None,
    show_progress: bool = True,
) -> ImageQuickstartResult:
    """Run the whole chain; a killed quickstart continues where it was, and finished parts are not done again.

    Args:
        runs: Folder of the run folders; report and map lie in runs/quickstart_images.
        overrides: "a.b=c" changes of both recipes, such as "data.seed=3".
        workers: Processes that render and measure.
        show_progress: Show progress bars.
    """
    started = datetime.now(UTC)
    folder = Path(runs) / "quickstart_images"
    check_output_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    recipe = load_recipe("screen_ca_mae", overrides)
    store: ImageStore = prepare(recipe, workers=workers, show_progress=show_progress)
    options: dict[str, Any] = {"runs": runs, "show_progress": show_progress, "reuse": True, "store": store}
    pretrained = fit(recipe, **options)
    tuned = finetune(run_path(ENCODER), load_recipe("screen_wsl", overrides), **options)
    encoders = _wells(folder, store, pretrained, tuned, workers, show_progress)
    table = encoder_table(encoders, known_modules(store), METHODS, show_progress=show_progress)
    fitted, corrected = fit_correction(encoders[TUNED], HEADLINE)
    fitted.save(folder / "correction.npz")
    corrected_path = corrected.write(folder / "corrected.parquet")
    made = map_build.build(corrected)
    made.write(folder / "map.parquet")
    differences = _differences(table)
    summary = verdict(table, differences)
    report = _report(folder, store, pretrained, tuned, table, differences, summary)
    page = shlex.join(
        [
            "hooke", "map", "explore", str(folder / "map.parquet"), "--images", str(store.folder),
            "--sources", str(store.folder / RELATIONS),
        ]
    )  # fmt: skip
    seconds = (datetime.now(UTC) - started).total_seconds()
    return ImageQuickstartResult(
        folder, report, page, pretrained.folder, tuned.folder, store.folder, folder / "wells.parquet", corrected_path,
        folder / "map.parquet", table, summary.verdict, seconds,
    )  # fmt: skip


def _wells(
    folder: Path, store: ImageStore, pretrained: RunFolder, tuned: RunFolder, workers: int | None, show_progress: bool
) -> dict[str, Profiles]:
    """The wells as each encoder sees them."""
    first = LoadedRun.open(pretrained.folder)
    runs = {
        TUNED: (LoadedRun.open(tuned.folder), "wells.parquet"),
        SHIPPED: (LoadedRun.open(run_path(ENCODER)), "wells_shipped.parquet"),
        PRETRAINED: (first, "wells_pretrained.parquet"),
        RANDOM: (first.untrained(), "wells_random.parquet"),
    }
    found = {}
    for name, (run, file) in runs.items():
        embed(run, store, folder / file, symmetry="dihedral", show_progress=show_progress)
        found[name] = Profiles.read(folder / file)
    found[FEATURES] = hand_crafted(store, workers, show_progress)
    return found


def hand_crafted(store: ImageStore, workers: int | None, show_progress: bool) -> Profiles:
    """Wells of hand-crafted features, measured once: the encoder is tuned on the same ones."""
    _, values = measured_fields(store, workers=workers, show_progress=show_progress)
    wells = Wells.of(store)
    return Profiles(wells.means(values.astype(np.float32)), wells.table, feature_names(store.channels))


def _differences(table: EncoderTable) -> tuple[Difference, ...]:
    """The tuned encoder after correction, minus itself without, and minus each other encoder after the same correction."""
    compared = {f"{TUNED}, uncorrected": (TUNED, "none")}
    compared |= {name: (name, HEADLINE) for name in table.recalls if name != TUNED}
    return tuple(
        build.difference(
            TUNED, name, f"after {HEADLINE}", "recall", table.difference((TUNED, HEADLINE), other),
            higher_is_better=True, pairs=table.entities, paired_over="genes",
        )
        for name, other in compared.items()
    )  # fmt: skip


def verdict(table: EncoderTable, differences: tuple[Difference, ...]) -> Summary:
    """What the table says, by intervals alone."""
    found = table.recall(TUNED, HEADLINE)
    above = found.low > table.chance
    words = {"better": "above", "worse": "below", "undecided": "not told apart from"}
    beside = "; ".join(
        f"{words[one.outcome]} {one.second} ({_signed(one)})" for one in differences if one.outcome in words
    )
    text = (
        f"After {HEADLINE}, {TUNED} recalls {found.value:.2f} [{found.low:.2f}, {found.high:.2f}] of the true relations, "
        f"{'well above' if above else 'not told apart from'} chance ({table.chance:.2f}); {beside} "
        f"(95 % intervals over {table.entities} genes)."
    )
    numbers = tuple(
        KeyNumber(f"{one.value:.2f}", f"recall, {name}, {method}", f"[{one.low:.2f}, {one.high:.2f}]")
        for name, method in (
            (TUNED, HEADLINE), (TUNED, "none"), (SHIPPED, HEADLINE), (PRETRAINED, HEADLINE), (RANDOM, HEADLINE), (FEATURES, HEADLINE),
        )
        for one in (table.recall(name, method),)
    )  # fmt: skip
    caveats = (
        "The screen is simulated: it shows how the parts compare under known conditions, and says nothing about biology.",
        f"{TUNED} was trained on the names of the perturbations and on hand-crafted features as targets, never on the genes' relations; "
        f"{SHIPPED} on another simulated screen, with other perturbations; hand-crafted features were trained on nothing.",
    )
    return Summary(text, outcome_of(differences, above_chance=above), numbers, caveats)


def outcome_of(differences: tuple[Difference, ...], *, above_chance: bool) -> Outcome:
    """Better: above chance, and decidedly above both no correction and hand-crafted features; worse: decidedly below these."""
    found = {one.second: one.outcome for one in differences}
    if found[FEATURES] == "worse" or not above_chance:
        return "worse"
    return "better" if found[FEATURES] == found[f"{TUNED}, uncorrected"] == "better" else "undecided"


def _signed(one: Difference) -> str:
    found = one.estimate
    if found.value is None or found.low is None or found.high is None:
        return "unknown"
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def _report(
    folder: Path,
    store: ImageStore,
    pretrained: RunFolder,
    tuned: RunFolder,
    table: EncoderTable,
    differences: tuple[Difference, ...],
    summary: Summary,
) -> Path:
    scores: dict[str, list[Interval]] = {
        name: [row[method].recall for method in METHODS] for name, row in table.recalls.items()
    }
    results = build.result_table(
        "Recall of true relations", [Label(method, "pair") for method in METHODS], "recall", scores, higher_is_better=True,
        counts=[table.queries] * len(METHODS), baselines=BASELINES, part="",
        intervals="95 % bootstrap over genes",
        note=f"chance {table.chance:.2f}; counted are pairs; rows are corrections of the batch effects",
    )  # fmt: skip
    strongest = np.flatnonzero((store.metadata["control"].fill_null("") == "positive").to_numpy())[:_PICTURED]
    controls = np.flatnonzero(store.control)[:_PICTURED]
    rows = [*controls.tolist(), *strongest.tolist()]
    report = Report(
        title="Hooke quickstart: images",
        subtitle="from a simulated screen to a map of its genes",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=summary,
        data=(data_section(tuned, store),),
        training=tuple(
            build.learning_curves(title, [line for line in run.metrics() if line["part"] == "members"])
            for title, run in (("Masked images", pretrained), ("Weak supervision", tuned))
        ),
        results=(results,),
        differences=differences,
        pictures=(
            picture(
                "Fields", list(store.read(rows)),
                f"{len(controls)} fields of untreated wells, then {len(strongest)} of the strongest perturbations. Rows: "
                f"{', '.join(store.channels)}.",
            ),
            *modality_of(pretrained).report(LoadedRun.open(pretrained.folder), store)["pictures"],
        ),
        items="fields",
        reproduce=reproduce(
            commands={
                "All of it": "hooke quickstart images",
                "Pretrain on this screen alone": "hooke fit screen_ca_mae",
                "Tune": f"hooke finetune {ENCODER} screen_wsl",
                "Embed": f"hooke embed {tuned.folder} {store.folder} --symmetry dihedral -o wells.parquet",
                "Correct": f"hooke map correct wells.parquet --method {HEADLINE} -o corrected.parquet",
                "Map": "hooke map build corrected.parquet -o map.parquet",
            },
            recipes={"pretraining": pretrained.recipe, "tuning": tuned.recipe},
            run=tuned.info,
            citations=[*citations_of(pretrained), *citations_of(tuned), "efaar"],
        ),
    )  # fmt: skip
    return write_report(report.write(folder / "report.json"), folder / "report.html")
