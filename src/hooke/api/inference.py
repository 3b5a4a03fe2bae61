"""Using what was trained: load, predict, embed, explain, probe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hooke.api.data import given_source, labelled_store
from hooke.core import registry
from hooke.core.cluster import cluster_or_here
from hooke.core.errors import UsageError
from hooke.core.runs import RunFolder
from hooke.core.writable import check_output
from hooke.inference.shipped import is_published, refuse_missing, run_path

if TYPE_CHECKING:
    from hooke.encoders import Encoder
    from hooke.inference.plan import InferencePlan
    from hooke.inference.stream import StreamReport
    from hooke.studies.probe_blocks import BlockScore
    from hooke.studies.probing import ProbeReport
    from hooke.workflows.export import Exported


def predict(
    run: Path | str, source: Path | str, output: Path | str, *, data: Sequence[str] = (), **options: Any
) -> StreamReport:
    """Predict a user's file, streamed and resumable; see `hooke.inference.predict.predict`.

    Args:
        run: A finished run, also one of `fit_response`: see `hooke.workflows.response_run`.
        source: A file, a store, or the name of a data set, which is then prepared.
        output: .parquet or .csv.
        data: "key=value" options of a data set named as the source.
        options: Those of `hooke.inference.predict.predict`.

    Raises:
        UsageError, DataError: The output is the source or cannot be written (`core.writable`), or as in `hooke.inference.predict.predict`.
    """
    check_output(output, source)
    refuse_missing(run)
    from hooke.inference.loaded import LoadedRun
    from hooke.inference.predict import predict as stream
    from hooke.inference.stream import SUFFIXES
    from hooke.modalities import readable
    from hooke.workflows.response_run import is_fitted_screen

    if is_fitted_screen(run_path(run)):
        return _predict_responses(run, source, output, data, options)
    loaded = LoadedRun.open(run_path(run), options.pop("device", "auto"))
    check_output(output, source, suffixes=(*SUFFIXES, *readable(loaded.modality, "predict").exports))
    given = given_source(source, data, loaded.modality, show_progress=options.get("show_progress", True))
    return stream(loaded, given, Path(output), **options)


def _predict_responses(
    run: Path | str, source: Path | str, output: Path | str, data: Sequence[str], options: dict[str, Any]
) -> StreamReport:
    """As `predict`, of a run of `fit_response`; options that say nothing are left out, others of networks are refused."""
    from hooke.inference.stream import SUFFIXES
    from hooke.workflows.response_run import MODALITY, ResponseRun

    check_output(output, source, suffixes=SUFFIXES)
    for name in ("levels", "domain", "threshold", "dropout_samples"):
        if options.pop(name, None):
            raise UsageError(f"{name} belongs to runs of `hooke fit`, and {run} is one of `hooke response fit`")
    for name in ("device", "workers"):
        options.pop(name, None)
    given = given_source(source, data, MODALITY, show_progress=options.get("show_progress", True))
    return ResponseRun.open(run_path(run)).predict_file(given, Path(output), **options)


def embed(
    run: Path | str,
    source: Path | str,
    output: Path | str,
    *,
    data: Sequence[str] = (),
    weights: Path | str | None = None,
    device: str = "auto",
    cluster: str | None = None,
    batch_size: int | None = None,
    workers: int | None = None,
    resume: bool = True,
    show_progress: bool = True,
    escape_formulas: bool = False,
    **options: Any,
) -> StreamReport:
    """Embed a user's file (molecules), or the wells of an image store, streamed and resumable.

    Args:
        run: A finished run, an encoder that comes with Hooke ("tiny" of molecules, "tiny_cells" of images), or published weights
            ("minimol" of molecules, "openphenom" of images).
        source: A file, a store, or the name of a data set, which is then prepared.
        output: .parquet or .csv.
        data: "key=value" options of a data set named as the source.
        weights: The file of the published weights; None looks for it.
        device: "auto", "cpu" or "cuda".
        cluster: Embed in the workers of a Ray cluster ("local", "auto" or an address; see `core.cluster`).
        batch_size, workers, resume, show_progress, escape_formulas: See `hooke.inference.embed.embed`.
        options: Of the modality: how the file is read and shown to the encoder.

    Raises:
        UsageError: Options of a data set with a file, or options of another modality.
        DataError: No such run or weights, or they are damaged.
    """
    refuse_missing(run)
    from hooke.core.options import chosen
    from hooke.inference.embed import embed as stream
    from hooke.inference.stream import SUFFIXES
    from hooke.modalities import readable

    check_output(output, source, weights, suffixes=SUFFIXES)
    if is_published(run):  # options are checked before weights are looked for
        chosen(readable(registry.modality_of("encoders", str(run)), "embed"), options)
    encoder = load(run, weights=weights, device=device)
    given = given_source(source, data, encoder.modality, show_progress=show_progress)
    with cluster_or_here(cluster, workers):
        return stream(
            encoder, given, Path(output), batch_size=batch_size, workers=workers, resume=resume, show_progress=show_progress,
            escape_formulas=escape_formulas, **options,
        )  # fmt: skip


def plan_inference(
    run: Path | str,
    source: Path | str,
    *,
    verb: Literal["predict", "embed"] = "predict",
    data: Sequence[str] = (),
    device: str = "auto",
    show_progress: bool = True,
    **options: Any,
) -> InferencePlan:
    """What `predict` or `embed` would need for a source: rows, time, memory and disk, measured on its first rows; nothing is written.

    Args:
        run: A finished run.
        source: A file, a store, or the name of a data set, which is then prepared.
        verb: "predict" or "embed".
        data: "key=value" options of a data set named as the source.
        device: "auto", "cpu" or "cuda".
        show_progress: Of preparing.
        options: How the file is read.

    Raises:
        DataError: The run or the source is at fault.
    """
    refuse_missing(run)
    from hooke.inference.embed import plan_embedding
    from hooke.inference.loaded import LoadedRun
    from hooke.inference.predict import plan_prediction

    loaded = LoadedRun.open(run_path(run), device)
    given = given_source(source, data, loaded.modality, show_progress=show_progress)
    return (plan_prediction if verb == "predict" else plan_embedding)(loaded, given, **options)


def load(name: Path | str, *, weights: Path | str | None = None, device: str = "auto") -> Encoder:
    """A finished run, an encoder that comes with Hooke ("tiny"), or published weights ("minimol"), ready to embed.

    hooke.load("tiny").embed(["CCO"])
    """
    from hooke.inference.loaded import load as open_encoder
    from hooke.workflows.response_run import ResponseRun, is_fitted_screen

    if weights is None and is_fitted_screen(run_path(name)):
        return ResponseRun.open(run_path(name))

    return open_encoder(name, weights=weights, device=device)


def explain(
    run: Path | str,
    molecules: Path | str | Sequence[str],
    page: Path | str,
    *,
    label: str | None = None,
    smiles_column: str | None = None,
    most: int = 100,
    device: str = "auto",
) -> dict[str, Any]:
    """Which atoms made the predictions, drawn on the molecules of a page; see `hooke.workflows.attribution`.

    Args:
        run: A finished run on molecules.
        molecules: A table, or SMILES.
        page: The HTML file to write.
        label: Column of the predictions; None takes the first.
        smiles_column: Of a table, if it is not recognised.
        most: The first so many molecules are explained.
        device: "auto", "cpu" or "cuda".

    Returns:
        The page, the label, and the faithfulness over the molecules.

    Raises:
        UnknownNameError: No such label.
        UsageError: The run predicts nothing for molecules, or no molecule could be explained.
    """
    from hooke.workflows.attribution import explain as explain_table

    check_output(page, molecules if isinstance(molecules, str | Path) else None)
    return explain_table(
        run_path(run), molecules, Path(page), label=label, smiles_column=smiles_column, most=most, device=device
    )


def export(
    run: Path | str,
    output: Path | str,
    *,
    sizes: str = "dynamic",
    outputs: str = "predictions",
    molecules: Path | str | Sequence[str] | None = None,
) -> Exported:
    """Encoder and heads of a run on molecules as a program that torch runs without Hooke; see `hooke.workflows.export`.

    Args:
        run: A finished run, or "tiny".
        output: The file to write, ending in .pt2.
        sizes: "dynamic" for batches of two or more molecules, or "fixed" for the sizes of `molecules`.
        outputs: "predictions", or "vectors" of the encoder.
        molecules: A table or SMILES: the batch of fixed sizes, else what the program is made of and compared on.

    Raises:
        UsageError: An estimator, another kind of data, or a model that torch cannot export with such sizes; it says why.
    """
    check_output(output, molecules if isinstance(molecules, str | Path) else None)
    refuse_missing(run)
    from hooke.inference.loaded import LoadedRun
    from hooke.workflows.export import export as write_program

    loaded = LoadedRun.open(run_path(run), "cpu")
    return write_program(loaded, Path(output), sizes=sizes, outputs=outputs, molecules=molecules)


def probe_blocks(
    run: Path | str,
    source: Path | str,
    *,
    target: str = "perturbation",
    data: Sequence[str] = (),
    crop: int | None = None,
    batch_size: int = 32,
    limit: int = 2000,
    seed: int = 0,
    show_progress: bool = True,
) -> list[BlockScore]:
    """A linear probe on each block of an image encoder; see `hooke.studies.probe_blocks`.

    Args:
        run: A finished run on images.
        source: An image store, or the name of a data set of images, which is then prepared.
        target: Metadata column of the classes.
        data: "key=value" options of a data set named as the source.
        crop: Side of the crops; None takes those of the run.
        batch_size: Crops a batch.
        limit: Most wells that are embedded, drawn at random.
        seed: Of the draw and of the folds.
        show_progress: Show which block is at work.

    Raises:
        UnknownNameError: No such column.
        DataError: Fewer than two batches, or no class that is in two of them; or a run on something else than images.
    """
    refuse_missing(run)
    from hooke.studies.probe_blocks import probe_blocks as probe

    store = given_source(source, data, "images", show_progress=show_progress)
    return probe(
        RunFolder.open(run_path(run)).folder, store, target=target, crop=crop, batch_size=batch_size, limit=limit, seed=seed,
        show_progress=show_progress,
    )  # fmt: skip


def probe(
    encoder: Path | str,
    data: Path | str,
    options: Sequence[str] = (),
    *,
    smiles: str | None = None,
    targets: str | Sequence[str] = "auto",
    split: str = "held_out",
    readouts: Sequence[str] = ("linear", "forest"),
    seed: int = 0,
    weights: Path | str | None = None,
    layers: Sequence[str] = (),
    show_progress: bool = True,
) -> ProbeReport:
    """What a frozen encoder knows of a data set or table; see `hooke.studies.probing`."""
    refuse_missing(encoder)
    from hooke.modalities import trainable
    from hooke.studies.probing import check_options
    from hooke.studies.probing import probe as read_out

    found = load(encoder, weights=weights)
    check_options(trainable(found.modality, "probe"), split, readouts)
    store = labelled_store(data, options, found.modality, smiles, targets, show_progress=show_progress)
    return read_out(found, store, split=split, readouts=readouts, seed=seed, layers=layers, show_progress=show_progress)
