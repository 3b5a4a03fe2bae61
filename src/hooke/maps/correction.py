"""Corrections of batches on one set of wells: what each does to batches, to replicates and to known relations, in one table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.cells.annotations import known_pairs
from hooke.cells.controls import batch_names, controls_in_words, negative_controls
from hooke.cells.entities import build_map, entities_of
from hooke.cells.features import NORMALISATIONS, average_cells, normalise, select_features, take_features
from hooke.cells.files import read_measured
from hooke.cells.profiles import SUFFIXES, Profiles, embedding_names
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.files import exclusive, write_durably
from hooke.core.json_text import json_text
from hooke.core.progress import progress
from hooke.core.reading import reading
from hooke.core.writable import check_output
from hooke.evaluate.clustering import partition_agreement
from hooke.evaluate.correction import METHODS, Correction, fit, load
from hooke.evaluate.known_pairs import KnownPairs
from hooke.evaluate.mixing import mixing_scores
from hooke.evaluate.recall import relationship_recall
from hooke.evaluate.retrieval import mean_average_precision
from hooke.report.wording import decimals, range_text


@dataclass(frozen=True)
class CorrectionScore:
    """One method.

    Attributes:
        method: Its name.
        ami_batch, ami_perturbation: Of k-means clusters of the wells.
        mixing_batch, mixing_biology: scIB-style, see `evaluate.mixing`; NaN with one batch or one perturbation.
        mean_average_precision: Of finding replicates in other batches.
        recall: Source -> (recall, low, high) at the first thresholds, on the map of genes; empty without sources.
        chance: Of the recall.
        queries: Source -> number of known pairs.
        null_size: Pairs of the null.
    """

    method: str
    ami_batch: float
    ami_perturbation: float
    mixing_batch: float
    mixing_biology: float
    mean_average_precision: float
    recall: Mapping[str, tuple[float, float, float]]
    chance: float
    queries: Mapping[str, int]
    null_size: int


@dataclass(frozen=True)
class Preparation:
    """What is done to hand-crafted features before correction, in this order.

    Attributes:
        average_cells: Make one row a well, the median of its cells.
        normalise: "standardise" or "robust": units of the controls of the same plate; "none" leaves the features as they are.
        select: Leave out features that are blocked, missing, constant, extreme or repeated.
    """

    average_cells: bool = False
    normalise: str = "none"
    select: bool = False

    def __post_init__(self) -> None:
        if self.normalise not in ("none", *NORMALISATIONS):
            raise UnknownNameError("normalisation", self.normalise, ("none", *NORMALISATIONS))

    def __call__(self, profiles: Profiles, batch: str = "batch") -> Profiles:
        """Prepared profiles; plates are the units of normalisation, batches where there is no column plate."""
        columns = profiles.metadata.columns
        if self.average_cells:
            profiles = average_cells(profiles, [name for name in ("experiment", "plate", "well") if name in columns])
        if self.normalise != "none":
            plates = profiles.column("plate").astype(str) if "plate" in columns else batch_names(profiles, batch)
            method: Any = self.normalise
            profiles = normalise(profiles, plates, negative_controls(profiles), method=method)
        return select_features(profiles) if self.select else profiles


def fit_correction(
    profiles: Profiles, method: str, *, batch: str = "batch", seed: int = 0, **options: Any
) -> tuple[Correction, Profiles]:
    """Fit a method on wells, and correct them.

    Args:
        profiles: With the columns control, and batch (or experiment, or plate).
        method: One of `evaluate.correction.METHODS`.
        batch: Column of the batches.
        seed: Of methods that draw.
        options: Of the method. For sphering, replicates are the rows of one entity where no epsilon is given.
    """
    batches, controls = batch_names(profiles, batch), negative_controls(profiles)
    if method in ("sphering", "harmony", "scanorama"):
        options.setdefault("generator", np.random.default_rng(seed))
    if method == "sphering" and "epsilon" not in options:
        options["perturbations"] = entities_of(profiles.metadata)["entity"].to_numpy()
    fitted = fit(method, profiles.values, batches, controls, **options)
    return fitted, profiles.with_values(fitted.transform(profiles.values, batches, controls))


def compare_corrections(
    profiles: Profiles,
    *,
    methods: Sequence[str] = METHODS,
    sources: Mapping[str, KnownPairs] | None = None,
    batch: str = "batch",
    min_entities: int = 20,
    seed: int = 0,
    show_progress: bool = True,
) -> list[CorrectionScore]:
    """Score methods, "none" among them, on the rows that they were fitted on.

    Args:
        profiles: Wells with controls and batches.
        methods: Which.
        sources: Known pairs for the recall on the map.
        batch: Column of the batches.
        min_entities: See `relationship_recall`.
        seed: Seed of all random numbers.
        show_progress: Show which method is at work.
    """
    from sklearn.cluster import KMeans

    batches = batch_names(profiles, batch)
    labels = np.where(negative_controls(profiles), "", entities_of(profiles.metadata)["entity"].to_numpy().astype(str))
    treated = labels != ""
    scores = []
    with progress(len(methods), "corrections", "methods", show=show_progress) as shown:
        for method in methods:
            _, corrected = fit_correction(profiles, method, batch=batch, seed=seed)
            values = corrected.values[treated]
            count = min(len(np.unique(labels[treated])), len(values) - 1)
            clusters = KMeans(count, n_init=1, random_state=seed).fit_predict(values)
            measurable = len(np.unique(labels[treated])) > 1 and len(np.unique(batches[treated])) > 1
            mixing = (
                mixing_scores(values, labels[treated], batches[treated], generator=np.random.default_rng(seed))
                if measurable
                else None
            )
            found = []
            if sources:
                genes = build_map(corrected, ordered=False)
                found = relationship_recall(
                    genes.values, genes.column("entity"), sources, generator=np.random.default_rng(seed),
                    thresholds=((0.05, 0.95),), null_scope="gene", kinds=genes.column("kind"), min_entities=min_entities,
                )  # fmt: skip
            scores.append(
                CorrectionScore(
                    method,
                    partition_agreement(batches[treated], clusters)["ami"],
                    partition_agreement(labels[treated], clusters)["ami"],
                    mixing.batch if mixing else float("nan"), mixing.biology if mixing else float("nan"),
                    mean_average_precision(corrected.values, labels, exclude=batches),
                    {one.source: (one.recall.value, one.recall.low, one.recall.high) for one in found},
                    found[0].chance if found else float("nan"),
                    {one.source: one.queries for one in found},
                    found[0].null_size if found else 0,
                )
            )  # fmt: skip
            shown.advance()
    return scores


def correct_file(
    path: Path,
    out: Path | None,
    *,
    method: str = "tvn",
    batch: str = "batch",
    save: Path | None = None,
    apply: Path | None = None,
    metadata: Path | None = None,
    preparation: Preparation = Preparation(),
    seed: int = 0,
) -> dict[str, Any]:
    """Correct a file of wells (or cells), by a new or by a saved correction; says what was done.

    The names of hand-crafted features are kept beside a saved correction, and taken from there when it is applied.

    Raises:
        UsageError: Nowhere to write, an output that is an input, both --save and --apply, or a selection of features with --apply.
        DataError: An output cannot be written.
    """
    if out is None:
        raise UsageError(
            "say where the corrected profiles go: -o corrected.parquet (or --compare to score every method)"
        )
    if save is not None and apply is not None:
        raise UsageError("--apply uses a correction that is saved already; leave out --save")
    check_output(out, path, metadata, apply, suffixes=SUFFIXES)
    if save is not None:
        check_output(save, path, metadata, out, suffixes=(".npz",))
    raw = read_measured(path, metadata)
    fitted, profiles, corrected = prepared_and_corrected(
        raw, method=method, batch=batch, apply=apply, preparation=preparation, seed=seed
    )
    with ExitStack() as held:
        held.enter_context(exclusive(Path(out), f"is writing {out}"))
        if save is not None:
            save_correction(fitted, profiles, save)
        corrected.write(out)
    return {
        "method": fitted.method, "wells": len(corrected), "controls": controls_in_words(corrected),
        "features": f"{raw.dim} -> {profiles.dim} -> {corrected.dim}",
        "batches": len(np.unique(batch_names(profiles, batch))), "written": str(out),
        **({} if save is None else {"saved": str(save)}),
    }  # fmt: skip


def prepared_and_corrected(
    raw: Profiles, *, method: str, batch: str, apply: Path | None, preparation: Preparation, seed: int
) -> tuple[Correction, Profiles, Profiles]:
    """Wells prepared and corrected, by a new or by a saved correction.

    Args:
        raw: As they were measured.
        method, batch, seed: Of `fit_correction`.
        apply: A correction that `save_correction` wrote, instead of a new one.
        preparation: What is done first.

    Returns:
        The correction, the wells that it was fitted on or applied to, and those wells corrected.

    Raises:
        UsageError: A selection of features where a saved correction says which there are.
        DataError: The saved correction is damaged or misses features.
    """
    if apply is not None and preparation.select:
        raise UsageError(
            "features were selected when the correction was fitted; leave out --select-features with --apply"
        )
    profiles = preparation(raw, batch)
    if apply is None:
        fitted, corrected = fit_correction(profiles, method, batch=batch, seed=seed)
        return fitted, profiles, corrected
    fitted = load(apply)
    if _features_of(apply).exists():
        profiles = take_features(profiles, _read_features(_features_of(apply)))
    batches, controls = batch_names(profiles, batch), None
    if "control" in profiles.metadata.columns:
        controls = profiles.column("control") == "negative"
    return fitted, profiles, profiles.with_values(fitted.transform(profiles.values, batches, controls))


def save_correction(fitted: Correction, profiles: Profiles, path: Path) -> None:
    """Write a correction (.npz), and beside it the names of the features that it was fitted on, where they have any."""
    with exclusive(Path(path), f"is writing {path}", others=[_features_of(path)]):
        if profiles.features != embedding_names(profiles.dim):  # before the correction that needs them
            write_durably(_features_of(path), json_text(list(profiles.features)))
        fitted.save(path)


def _read_features(path: Path) -> list[str]:
    with reading(path, "names of features"):
        return [str(name) for name in json.loads(path.read_bytes())]


def _features_of(correction: Path) -> Path:
    return Path(correction).with_suffix(".features.json")


def compare_file(
    path: Path,
    *,
    sources: Sequence[str] | str = "all",
    metadata: Path | None = None,
    batch: str = "batch",
    preparation: Preparation = Preparation(),
    seed: int = 0,
    show_progress: bool = True,
) -> list[CorrectionScore]:
    """`compare_corrections` of a file of wells (or cells)."""
    known = known_pairs(sources, show_progress=show_progress)
    return compare_corrections(
        preparation(read_measured(path, metadata), batch),
        sources=known,
        batch=batch,
        seed=seed,
        show_progress=show_progress,
    )


def table(scores: Sequence[CorrectionScore]) -> tuple[list[str], list[list[str]]]:
    """Header and rows for people; recalls come with chance and number of queries."""
    sources = list(scores[0].recall) if scores else []
    header = ["method", "AMI batch", "AMI perturbation", "mixing", "biology", "mAP"]
    header += [
        f"{source} (chance {decimals(scores[0].chance, 2)}, {scores[0].queries[source]:,} pairs)" for source in sources
    ]
    rows = []
    for score in scores:
        numbers = (
            score.ami_batch, score.ami_perturbation, score.mixing_batch, score.mixing_biology, score.mean_average_precision,
        )  # fmt: skip
        recalls = [score.recall[source] for source in sources]
        texts = [f"{decimals(value, 3)} {range_text(low, high, 3)}".rstrip() for value, low, high in recalls]
        rows.append(
            [
                score.method,
                *(decimals(number, 3) if np.isfinite(number) else "not measured" for number in numbers),
                *texts,
            ]
        )
    return header, rows
