"""The Python interface behind every command; `import hooke` offers these functions, loaded when first used."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.core import registry
from hooke.core.cluster import cluster_or_here
from hooke.core.errors import UsageError
from hooke.core.how import How
from hooke.core.recipe_files import build, read
from hooke.core.runs import RunFolder
from hooke.inference.shipped import run_path

if TYPE_CHECKING:
    from hooke.cells.profiles import Profiles
    from hooke.core.recipe import Recipe
    from hooke.encoders import Encoder
    from hooke.images.store import ImageStore
    from hooke.inference.embed_wells import WellsReport
    from hooke.inference.stream import StreamReport
    from hooke.molecules.store import MoleculeStore
    from hooke.studies.benchmark import BenchmarkResult
    from hooke.studies.image_plan import Plan
    from hooke.studies.molecule_plan import MoleculePlan
    from hooke.studies.probing import ProbeReport
    from hooke.studies.suite_report import SuiteResult


_PLAN_OPTIONS = {"molecules": ("channels", "size", "image_counts"), "images": ("molecules", "parameters", "mixtures")}
_EMBED_OPTIONS = {
    "molecules": ("block", "crop", "grid", "channels", "symmetry"),
    "images": ("smiles_column",),
}  # of the other

_PUBLISHED_ON_IMAGES = ("openphenom",)


@dataclass(frozen=True)
class FittedRun:
    """A finished run: its folder, its metrics, and where the report is."""

    run: RunFolder
    report: Path | None = None

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.run.folder

    @property
    def metrics(self) -> dict[str, Any]:
        """Part -> level -> label -> metric -> value."""
        return self.run.read_json("metrics.json")

    def to_json(self) -> dict[str, Any]:
        """What scripts need."""
        return {
            "run": str(self.folder),
            "report": str(self.report) if self.report else None,
            "metrics": self.metrics,
            "ingest": self._ingest()[0],
            **self.run.info,
        }

    @property
    def domain(self) -> str:
        """What it is about: "molecules" or "images"."""
        from hooke.inference.image_run import run_domain

        return run_domain(self.run)

    def _ingest(self) -> tuple[Any, str]:
        """What became of the rows or fields, for scripts and for people."""
        if self.domain != "molecules":
            from hooke.images.store import ImageStore

            images = ImageStore.open(Path(self.run.info["store"]))
            return images.description.get("counts"), images.left_out
        from hooke.molecules.store import MoleculeStore
        from hooke.molecules.tables.ingest import ingest_summary

        store = MoleculeStore.open(Path(self.run.info["store"]))
        return store.metadata.get("ingest"), ingest_summary(store)

    def summary(self) -> str:
        """A few lines for people."""
        info = self.run.info
        rows = ", ".join(f"{count:,} {part}" for part, count in info["rows"].items())
        ingested = self._ingest()[1]
        lines = [ingested] if ingested else []
        things = "molecules" if self.domain == "molecules" else "fields"
        lines.append(
            f"trained on {rows} {things} in {info['seconds']:.0f} s ({info['parameters']:,} parameters, {info['device']})"
        )
        for part in ("test", "valid"):
            for level, labels in self.metrics.get(part, {}).items():
                for name, values in list(labels.items())[:8]:
                    shown = "  ".join(f"{metric} {value:.3f}" for metric, value in values.items())
                    lines.append(f"{part:<5} {level:<5} {name}: {shown}")
                if len(labels) > 8:
                    lines.append(f"{part:<5} {level:<5} ... and {len(labels) - 8} more labels in metrics.json")
            if self.metrics.get(part):
                break
        lines.append(f"run     {self.folder}")
        if self.report:
            lines.append(f"report  {self.report}")
        following = f"hooke embed {self.folder} {info['store']} -o wells.parquet"
        if self.domain == "molecules":
            from hooke.inference.loaded import next_step

            following = next_step(self.run)[1]
        lines.append(f"next    {following}")
        return "\n".join(lines)


def fit(
    recipe: str | Path | Recipe | None = None,
    *,
    overrides: Sequence[str] = (),
    csv: Path | str | None = None,
    smiles: str | None = None,
    targets: str | Sequence[str] = "auto",
    split: str | None = None,
    seed: int | None = None,
    runs: Path | str = "runs",
    new: bool = False,
    report: bool = True,
    workers: int | None = None,
    show_progress: bool = True,
) -> FittedRun:
    """Train by a recipe, or straight from a table.

    Args:
        recipe: A TOML file, a built-in name, or a resolved `Recipe`; None with `csv` takes the recipe "csv".
        overrides: "a.b=c" changes.
        csv: A table of molecules: CSV(.gz), TSV, Parquet, SDF or SMILES file.
        smiles, targets: Its SMILES column and its label columns ("auto", a comma-separated string, or names).
        split, seed: Shortcuts for data.split.kind and seed.
        runs: Folder of run folders.
        new: Start afresh even if an unfinished run of the same recipe and data exists.
        report: Fit the baselines and write report.html.
        workers: Processes for parsing.
        show_progress: Show progress bars.

    Raises:
        UsageError: Neither recipe nor csv; an unknown key, name or value.
        DataError: The data cannot be read.
    """
    from hooke.train import fit as training

    chosen = _recipe(recipe, overrides, csv, smiles, targets, split, seed)
    run = training.fit(chosen, runs=Path(runs), new=new, workers=workers, show_progress=show_progress)
    return _reported(run, report=report, show_progress=show_progress)


def resume(run: Path | str, *, report: bool = True, show_progress: bool = True) -> FittedRun:
    """Continue an unfinished run."""
    from hooke.train import fit as training

    return _reported(
        training.resume(Path(run), show_progress=show_progress), report=report, show_progress=show_progress
    )


def finetune(
    pretrained: Path | str,
    recipe: str | Path | Recipe | None = None,
    *,
    mode: str = "full",
    overrides: Sequence[str] = (),
    csv: Path | str | None = None,
    smiles: str | None = None,
    targets: str | Sequence[str] = "auto",
    split: str | None = None,
    seed: int | None = None,
    runs: Path | str = "runs",
    new: bool = False,
    report: bool = True,
    workers: int | None = None,
    show_progress: bool = True,
) -> FittedRun:
    """Adapt the encoder of a pretrained run, or "tiny", to another data set: mode "full" trains everything, "probe" only new heads.

    The other arguments are those of `fit`; model, encodings and standardisation come from the pretrained run.
    """
    from hooke.train import fit as training

    chosen = _recipe(recipe, overrides, csv, smiles, targets, split, seed)
    run = training.finetune(
        run_path(pretrained), chosen, mode=mode, runs=Path(runs), new=new, workers=workers, show_progress=show_progress
    )
    return _reported(run, report=report, show_progress=show_progress)


def predict(run: Path | str, molecules: Path | str, output: Path | str, **options: Any) -> Any:
    """Predict new molecules, streamed and resumable; see `hooke.inference.predict.predict`."""
    from hooke.inference.predict import predict as stream

    return stream(RunFolder.open(run_path(run)).folder, Path(molecules), Path(output), **options)


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
    from dataclasses import asdict

    from hooke.inference.loaded import LoadedRun
    from hooke.molecules.source import TableSource, first_smiles
    from hooke.report.attribution_page import write_page
    from hooke.workflows.attribution import attribute, faithfulness

    if isinstance(molecules, (str, Path)):
        molecules = first_smiles(TableSource.open(Path(molecules), smiles_column), most)
    loaded = LoadedRun.open(Path(run), device)
    found = [one for one in attribute(loaded, molecules[:most], label) if one is not None]
    checked = faithfulness(found)
    notes = [f"Integrated gradients of {len(found)} molecules, run {loaded.run.folder.name}.", checked.sentence()]
    written = write_page(Path(page), f"What each atom adds to {found[0].label}", notes, found)
    return {"page": str(written), "label": found[0].label, **asdict(checked), "sentence": checked.sentence()}


def load(name: Path | str, *, weights: Path | str | None = None, device: str = "auto") -> Encoder:
    """A finished run on molecules, the encoder "tiny" that comes with Hooke, or published weights ("minimol"), ready to embed.

    hooke.load("tiny").embed(["CCO"])
    """
    from hooke.inference.loaded import load as open_encoder

    return open_encoder(name, weights=weights, device=device)


def embed(
    run: Path | str,
    source: Path | str,
    output: Path | str,
    *,
    data: Sequence[str] = (),
    weights: Path | str | None = None,
    device: str = "auto",
    cluster: str | None = None,
    **options: Any,
) -> StreamReport | WellsReport:
    """Embed molecules, or the wells of an image store, streamed and resumable.

    Args:
        run: A finished run, an encoder that comes with Hooke ("tiny" of molecules, "tiny_cells" of images), or published weights
            ("minimol" of molecules, "openphenom" of images).
        source: Molecules: a table. Images: an image store, or the name of a data set, which is then prepared.
        output: .parquet.
        data: "key=value" options of a data set named as the source.
        weights: The file of the published weights; None looks for those of minimol.
        device: "auto", "cpu" or "cuda".
        cluster: Embed in the workers of a Ray cluster ("local", "auto" or an address; see `core.cluster`).
        options: Those of `hooke.inference.embed.embed` or `hooke.inference.embed_wells.embed_wells`.

    Raises:
        UsageError: Options of a data set with a file or a store, or options of the other domain.
        DataError: No such run or weights, or they are damaged.
    """
    from hooke.inference.image_run import run_domain

    folder = run_path(run)
    named = not folder.exists()  # published weights
    domain = (
        ("images" if str(run) in _PUBLISHED_ON_IMAGES else "molecules") if named else run_domain(RunFolder.open(folder))
    )
    for name in _EMBED_OPTIONS[domain]:
        if name in options:
            raise UsageError(f"{name} is no option for a run on {domain}")
    if domain == "molecules":
        from hooke.inference.embed import embed as stream

        if data:
            raise UsageError(f"{data[0]!r}: only a data set of images, given by its name, takes options")
        with cluster_or_here(cluster, options.get("workers")):
            return stream(load(run, weights=weights, device=device), Path(source), Path(output), **options)
    from hooke.inference.embed_wells import embed_wells

    if named:
        from hooke.encoders.openphenom.encoder import load_openphenom

        encoder: Any = load_openphenom(weights, device)
    elif weights is not None:
        raise UsageError("weights is no option for a run on images")
    else:
        encoder = folder
    store = _image_store(source, data, show_progress=options.get("show_progress", True))
    with cluster_or_here(cluster, options.get("workers")):
        return embed_wells(encoder, store, Path(output), device=device, **options)


def probe_blocks(
    run: Path | str, source: Path | str, *, target: str = "perturbation", data: Sequence[str] = (), **options: Any
) -> Any:
    """A linear probe on each block of an image encoder; see `hooke.studies.probe_blocks`."""
    from hooke.studies.probe_blocks import probe_blocks as probe

    store = _image_store(source, data, show_progress=options.get("show_progress", True))
    return probe(RunFolder.open(run_path(run)).folder, store, target=target, **options)


def plan_training(
    recipe: str | Path | Recipe, *, overrides: Sequence[str] = (), **options: Any
) -> list[Plan] | list[MoleculePlan]:
    """What training would need.

    Images: on 1, 10 and 100 million of them, see `hooke.studies.image_plan.plan_recipe`. Molecules: on the published mixtures, see
    `hooke.studies.molecule_plan.plan_molecules`.
    """
    found = _recipe(recipe, overrides, None, None, "auto", None, None)
    for name in _PLAN_OPTIONS[found.domain]:
        if name in options:
            raise UsageError(f"{name} is no option for a plan on {found.domain}")
    if found.domain == "images":
        from hooke.studies.image_plan import plan_recipe

        return plan_recipe(found, **options)
    from hooke.studies.molecule_plan import plan_molecules

    return plan_molecules(found, **options)


def _image_store(source: Path | str, data: Sequence[str], *, show_progress: bool) -> ImageStore:
    """A prepared store, or a data set of images by name."""
    from hooke.images.store import ImageStore

    if Path(source).exists():
        if data:
            raise UsageError(f"{source} is prepared already and takes no options such as {data[0]!r}")
        return ImageStore.open(Path(source))
    if registry.card(str(source)).modality != "images":
        raise UsageError(
            f"{source} is a data set of {registry.card(str(source)).modality}; name one of images, or a store"
        )
    return prepare_data(str(source), data, show_progress=show_progress)  # type: ignore[return-value]


def benchmark(
    recipe: str | Path | Recipe,
    *,
    overrides: Sequence[str] = (),
    seeds: int = 3,
    splits: Sequence[str] = (),
    pretrained: Path | str | None = None,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> BenchmarkResult:
    """A recipe's model beside the baselines over seeds and splits; see `hooke.studies.benchmark`.

    Raises:
        UsageError: The recipe is not about molecules.
    """
    from hooke.studies.benchmark import benchmark as run_benchmark

    chosen = _recipe(recipe, overrides, None, None, "auto", None, None)
    if chosen.domain != "molecules":
        raise UsageError(f"benchmarks compare models of molecules; the recipe {chosen.name!r} is about {chosen.domain}")
    return run_benchmark(
        chosen, seeds=seeds, splits=tuple(splits), pretrained=run_path(pretrained) if pretrained else None, runs=Path(runs),
        show_progress=show_progress,
    )  # fmt: skip


def run_suite(
    name: str,
    recipe: str | Path | Recipe | None = None,
    *,
    overrides: Sequence[str] = (),
    systems: Sequence[str] = ("forest",),
    tasks: Sequence[str] = (),
    seeds: int = 3,
    pretrained: Path | str | None = None,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> SuiteResult:
    """Systems on the tasks of a suite ("moleculenet", "admet", "moleculeace"), with one report beside the scores.

    Args:
        name: Of the suite.
        recipe: How networks are trained; None takes the recipe "csv".
        overrides: "a.b=c" changes of it.
        systems: Names in `hooke.studies.systems.SYSTEMS`.
        tasks: Only these.
        seeds: Number of seeds.
        pretrained: The run of the systems "probe" and "finetuned".
        runs: Folder of run folders, scores and report.
        show_progress: Show progress bars.
    """
    from hooke.studies.evaluation import pretraining_tables
    from hooke.studies.evaluation import run_suite as score
    from hooke.studies.suite_report import SuiteResult, write_suite_report
    from hooke.suites import suite

    chosen = suite(name)
    how = _recipe(recipe if recipe is not None else "csv", overrides, None, None, "auto", None, None)
    start = run_path(pretrained) if pretrained else None
    rows, path = score(
        chosen,
        how,
        systems=systems,
        tasks=tasks,
        seeds=seeds,
        pretrained=start,
        runs=Path(runs),
        show_progress=show_progress,
    )
    result = SuiteResult(chosen, tuple(rows), pretraining_tables(start) if start else None)
    write_suite_report(result, path.with_suffix(""))
    return result


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
    show_progress: bool = True,
) -> ProbeReport:
    """What a frozen encoder knows of a data set or table; see `hooke.studies.probing`."""
    from hooke.studies.probing import probe as read_out

    return read_out(
        load(encoder, weights=weights), _store_of(data, options, smiles, targets, show_progress), split=split, readouts=readouts,
        seed=seed, show_progress=show_progress,
    )  # fmt: skip


def _store_of(
    data: Path | str, options: Sequence[str], smiles: str | None, targets: str | Sequence[str], show_progress: bool
) -> MoleculeStore:
    """A table's store, or that of a registered data set of molecules."""
    if not Path(data).exists():
        if (domain := registry.card(str(data)).modality) != "molecules":
            raise UsageError(f"{data} is a data set of {domain}; name one of molecules, or a table")
        return prepare_data(str(data), options, show_progress=show_progress)  # type: ignore[return-value]
    from hooke.core.paths import cache_folder
    from hooke.datasets import csv

    names: Any = targets if not isinstance(targets, str) or targets == "auto" else targets.split(",")
    given = {"path": str(Path(data).resolve()), "targets": names, **({"smiles": smiles} if smiles else {})}
    return csv.Dataset(build(csv.Config, given, "data")).prepare(
        cache_folder() / "stores", How(show_progress=show_progress)
    )


def prepare_data(
    name: str,
    options: Sequence[str] = (),
    *,
    folder: Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    show_progress: bool = True,
) -> MoleculeStore | ImageStore | Profiles:
    """Prepare a data set (or find it prepared) and open its store; options are "key=value".

    With `cluster` ("local", "auto" or an address) the rows are prepared in the workers of a Ray cluster; see `core.cluster`.
    """
    from hooke.core.paths import cache_folder

    dataset = _dataset(name, options)
    with cluster_or_here(cluster, workers):
        return dataset.prepare(folder or cache_folder() / "stores", How(workers, show_progress))


def get_data(name: str, options: Sequence[str] = (), *, show_progress: bool = True) -> list[Path]:
    """Have a data set's raw files at hand: from the mirror, or downloaded with checksum and resume.

    Raises:
        UsageError: The data set has no files of its own (it lies in the package, or is yours).
    """
    return _dataset(name, options).files(How(show_progress=show_progress))


def describe_run(folder: Path | str) -> dict[str, Any]:
    """What a run was, where it stands and how good it is."""
    path = Path(folder)
    run = RunFolder(path) if (path / "run.json").exists() else RunFolder.open(path)
    recipe, lines = run.recipe, run.metrics()
    shown: dict[str, Any] = {
        "run": str(run.folder), "status": run.info["status"], "started": run.info["started"], "data": recipe["data"]["name"],
        "model": recipe["model"]["name"], "task": recipe["task"]["name"], "epochs": len(lines),
        "last": lines[-1] if lines else None, "seconds": run.info.get("seconds"),
    }  # fmt: skip
    if run.path("metrics.json").exists():
        shown["metrics"] = run.read_json("metrics.json")
    return shown


def _dataset(name: str, options: Sequence[str]) -> Any:
    module = registry.module("datasets", name)
    given: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"an option has the form key=value, got {option!r}")
        given[key] = _option(value)
    return module.Dataset(build(module.Config, given, name))


def _option(text: str) -> Any:
    """A list or a table in TOML ('["1", "2"]'); everything else is taken as it stands."""
    if text[:1] not in ("[", "{"):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{text} is neither a list nor a table of TOML: {error}") from error


def _recipe(
    recipe: Any,
    overrides: Sequence[str],
    csv: Path | str | None,
    smiles: str | None,
    targets: str | Sequence[str],
    split: str | None,
    seed: int | None,
) -> Recipe:
    from hooke.core.recipe import Recipe, resolve

    if isinstance(recipe, Recipe):
        if overrides or csv or split or seed is not None:
            raise UsageError("a resolved recipe takes no further changes; use its with_changes")
        return recipe
    if recipe is None and csv is None:
        raise UsageError("name a recipe, or give --csv FILE; `hooke show names recipes` lists the recipes")
    mapping = read(recipe if recipe is not None else "csv", overrides)
    if csv is not None:
        names = (
            targets
            if not isinstance(targets, str) or targets == "auto"
            else [name.strip() for name in targets.split(",")]
        )
        data = mapping.get("data", {})
        kept = data if data.get("name") == "csv" else {"split": data.get("split", {})}
        mapping["data"] = {**kept, "name": "csv", "path": str(Path(csv).resolve())}
        if names != "auto" or "targets" not in mapping["data"]:
            mapping["data"]["targets"] = names
        if smiles is not None:
            mapping["data"]["smiles"] = smiles
    if split is not None:
        mapping.setdefault("data", {})["split"] = {**mapping.get("data", {}).get("split", {}), "kind": split}
    if seed is not None:
        mapping["seed"] = seed
    return resolve(mapping)


def _reported(run: RunFolder, *, report: bool, show_progress: bool) -> FittedRun:
    if not report:
        return FittedRun(run)
    if FittedRun(run).domain == "images":
        from hooke.studies.image_run_report import write_image_run_report

        return FittedRun(run, write_image_run_report(run))
    from hooke.studies.run_report import write_run_report

    return FittedRun(run, write_run_report(run, show_progress=show_progress))
