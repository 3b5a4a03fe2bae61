"""Quantum labels of molecules, frames and isolated atoms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.api.data import given_source, prepare_data
from hooke.core import registry
from hooke.core.cluster import cluster_or_here
from hooke.core.errors import DataError, UsageError
from hooke.core.writable import check_output

if TYPE_CHECKING:
    from hooke.inference.stream import StreamReport
    from hooke.workflows.label import AtomEnergy, Estimate

EXACT = "precision=float64"  # geometries are kept as they are


def label(
    source: Path | str,
    output: Path | str,
    *,
    method: str,
    data: Sequence[str] = (),
    conformers: int | None = None,
    cluster: str | None = None,
    show_progress: bool = True,
    dry_run: bool = False,
    qm1b: Path | str | None = None,
    **options: Any,
) -> StreamReport | Estimate:
    """Energy and forces of frames, or of conformers embedded from molecules, streamed and resumable.

    Args:
        source: A table of molecules (CSV, SMILES file, SD file with `conformers`), a file or store of frames, or the name of a data set
            of frames, which is then prepared.
        output: .parquet or .extxyz; see `hooke.workflows.label.label`.
        method: "b3lyp/sto-3g", "gfn2", "gfn1" or "pyscf:XC/BASIS".
        data: "key=value" options of the data set, or of `frames` for a file of frames.
        conformers: Of each molecule.
        cluster: Label in the workers of a Ray cluster ("local", "auto" or an address; see `core.cluster`).
        show_progress: Show frames, rate and time left.
        dry_run: Write nothing; label a few frames to estimate the hours that all would take.
        qm1b: A Parquet file in the schema of QM1B, written beside the output.
        options: Those of `hooke.workflows.label.label`.

    Raises:
        UsageError: Options that do not belong to the source or method, or a program that is not installed.
        DataError: The source cannot be read.
    """
    from hooke.workflows.label import SUFFIXES, engine_of, estimate, export_qm1b, whole_file
    from hooke.workflows.label import label as stream

    check_output(output, source, suffixes=SUFFIXES)
    if qm1b is not None:
        check_output(qm1b, source, suffixes=(".parquet",))
    if Path(output).suffix.lower() != ".parquet":
        check_output(whole_file(Path(output)), source)
    engine_of(
        method,
        grid=options.get("grid"),
        density_fit=options.get("density_fit", False),
        forces=options.get("forces", True),
    )  # before files are read
    given = _given(Path(source), data, conformers, show_progress)
    if dry_run:
        options.pop("resume", None)
        return estimate(given, method=method, conformers=conformers, **options)
    with cluster_or_here(cluster, options.get("workers")):
        report = stream(
            given, Path(output), method=method, conformers=conformers, show_progress=show_progress, **options
        )  # fmt: skip
    if qm1b is not None:
        export_qm1b(whole_file(Path(output)), Path(qm1b))
    return report


def _given(source: Path, data: Sequence[str], conformers: int | None, show_progress: bool) -> Any:
    """A table as it is, and everything else as a store of frames."""
    from hooke.modalities import modality
    from hooke.workflows.label import takes_molecules

    if source.is_dir():
        return modality("atoms").open(given_source(source, data, "atoms", show_progress=show_progress))
    if not source.exists():
        if str(source) not in registry.names("datasets"):
            raise DataError(f"there is no file or data set {str(source)!r}")
        return given_source(str(source), _exactly(data), "atoms", show_progress=show_progress)
    if takes_molecules(source, conformers):
        if data:
            raise UsageError(f"{source} is a table of molecules and takes no options such as {data[0]!r}")
        return source
    unlabelled = [f"{key}=none" for key in ("energy_keys", "force_keys") if not _states(data, key)]
    try:
        return prepare_data("frames", [f"path={source}", *unlabelled, *_exactly(data)], show_progress=show_progress)
    except DataError as error:
        if source.suffix.lower() in (".sdf", ".sd") and conformers is None:
            raise DataError(f"{error}; --conformers N embeds its molecules instead") from error
        raise


def _exactly(data: Sequence[str]) -> list[str]:
    return [*data, *([] if _states(data, "precision") else [EXACT])]


def _states(data: Sequence[str], key: str) -> bool:
    return any(option.startswith(f"{key}=") for option in data)


def label_atoms(
    method: str, elements: Sequence[str] | str = (), output: Path | str | None = None, **options: Any
) -> list[AtomEnergy]:
    """Energies of neutral isolated atoms in their ground states; see `hooke.workflows.label.label_atoms`.

    Args:
        method: "gfn2", "gfn1" or "pyscf:XC/BASIS".
        elements: Symbols, or "H,C,N,O", which are the default.
        output: An extended XYZ file that `isolated_atoms=FILE` reads.
        options: Those of `hooke.workflows.label.label_atoms`.
    """
    from hooke.workflows.label import ELEMENTS
    from hooke.workflows.label import label_atoms as compute

    names = [name.strip() for name in elements.split(",")] if isinstance(elements, str) else list(elements)
    return compute(method, names or ELEMENTS, None if output is None else Path(output), **options)
