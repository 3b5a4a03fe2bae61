"""Data sets by name: preparing and downloading them, and what a user may give in their place."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from hooke.core import registry
from hooke.core.checked import write_parquet
from hooke.core.cluster import cluster_or_here
from hooke.core.csv_text import csv_text
from hooke.core.errors import UsageError
from hooke.core.files import write_durably
from hooke.core.hashing import content_hash
from hooke.core.how import How
from hooke.core.paths import cache_folder
from hooke.core.recipe_files import build
from hooke.core.writable import check_output


def prepare_data(
    name: str,
    options: Sequence[str] = (),
    *,
    folder: Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    show_progress: bool = True,
) -> Any:
    """Prepare a data set (or find it prepared) and open its store; options are "key=value".

    With `cluster` ("local", "auto" or an address) the rows are prepared in the workers of a Ray cluster; see `core.cluster`.
    """
    dataset = _dataset(name, options)
    with cluster_or_here(cluster, workers):
        return dataset.prepare(folder or cache_folder() / "stores", How(workers, show_progress))


def get_data(name: str, options: Sequence[str] = (), *, show_progress: bool = True) -> list[Path]:
    """Have a data set's raw files at hand: from the mirror, or downloaded with checksum and resume.

    Raises:
        UsageError: The data set has no files of its own (it lies in the package, or is yours).
    """
    return _dataset(name, options).files(How(show_progress=show_progress))


def described(name: str, store: Any) -> dict[str, Any]:
    """What a prepared data set holds, as its modality describes it."""
    from hooke.modalities import modality

    return dict(modality(registry.modality_of("datasets", name)).describe(store).fields)


def measure_quality(
    folder: Path, output: Path, *, workers: int | None = None, show_progress: bool = True, escape_formulas: bool = False
) -> dict[str, Any]:
    """Measure what of a store can be trusted, write it as a table, and say how many rows something speaks against.

    Raises:
        UsageError: Nothing of the kind is measured of the store's modality, or the output is neither .parquet nor .csv.
    """
    import polars as pl

    from hooke.core.formulas import escaped, refuse_formulas
    from hooke.modalities import modality_of_store

    check_output(output, suffixes=(".parquet", ".csv"))
    if escape_formulas:
        refuse_formulas(output)
    about, store = modality_of_store(folder)
    found = about.quality(store, workers=workers, show_progress=show_progress)
    if output.suffix == ".csv":
        if escape_formulas:
            found = cast(pl.DataFrame, pl.from_arrow(escaped(found.to_arrow())))
        write_durably(output, csv_text(found))
    else:
        write_parquet(found, output)
    return {"quality": str(output), "rows": len(found), "suspicious": int((found["reason"] != "").sum())}


def given_source(source: Path | str, options: Sequence[str], modality: str, *, show_progress: bool) -> Any:
    """What a user gives in place of a file: the file itself, a store, or the name of a data set, which is then prepared.

    Args:
        source: A path or a name.
        options: Of a data set.
        modality: That it must be of.
        show_progress: Show progress.

    Raises:
        UsageError: Options for a file, or a data set of another modality.
    """
    named = str(source) in registry.names("datasets") and not Path(source).exists()
    if not named:
        if options:
            what = "prepared already" if Path(source).is_dir() else "no data set by name"
            raise UsageError(f"{source} is {what} and takes no options such as {options[0]!r}")
        return Path(source)
    if (about := registry.modality_of("datasets", str(source))) != modality:
        raise UsageError(f"{source} is a data set of {about}; name one of {modality}, or a file")
    return prepare_data(str(source), options, show_progress=show_progress)


def kept_table(table: Any) -> Path:
    """A pandas or polars table as a Parquet file below the cache folder, named by its content.

    Raises:
        UsageError: It is neither, or holds cells that are no numbers and no texts.
    """
    import polars as pl

    if not isinstance(table, pl.DataFrame):
        if not (hasattr(table, "columns") and type(table).__module__.split(".")[0] == "pandas"):
            raise UsageError(f"table is a pandas or polars table, not {type(table).__name__}; a file is csv=...")
        try:
            table = pl.from_pandas(table)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise UsageError(f"the table cannot be kept: {error}") from error
    path = cache_folder() / "tables" / f"table-{content_hash(csv_text(table))[:12]}.parquet"
    if not path.exists():
        write_parquet(table, path)
    return path


def column_names(targets: str | Sequence[str]) -> str | Sequence[str]:
    """Columns of labels as a list; "auto" stays what it is."""
    return (
        targets if not isinstance(targets, str) or targets == "auto" else [name.strip() for name in targets.split(",")]
    )


def labelled_store(
    data: Path | str, options: Sequence[str], modality: str, smiles: str | None, targets: str | Sequence[str], *,
    show_progress: bool,
) -> Any:  # fmt: skip
    """The store of a table with labels, or of a data set by name.

    Raises:
        UsageError: Options of a data set with a table, or columns of a table with a data set.
    """
    if not Path(data).exists():
        if smiles is not None or targets != "auto":
            raise UsageError(f"--smiles and --targets name columns of a table, and {data} is not a file")
        return given_source(data, options, modality, show_progress=show_progress)
    if options:
        raise UsageError(f"{data} is a table and takes no options such as {options[0]!r}")
    from hooke.datasets import csv

    given = {
        "path": str(Path(data).resolve()),
        "targets": column_names(targets),
        **({"smiles": smiles} if smiles else {}),
    }
    return csv.Dataset(build(csv.Config, given, "data")).prepare(cache_folder() / "stores", How(None, show_progress))


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
