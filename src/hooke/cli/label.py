"""`hooke label`: energies and forces of a quantum method, for molecules, frames and isolated atoms."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Cluster, Json, New, Workers, print_json, print_table, refuse_options
from hooke.core.errors import UsageError

EXAMPLES = (
    "Examples: `hooke label molecules.csv --method b3lyp/sto-3g -o labels.parquet` · "
    "`hooke label molecules.csv --method gfn2 --conformers 5 -o labels.parquet` · "
    '`hooke label frames.extxyz --method "pyscf:wb97x/6-31g*" -o labels.extxyz` · '
    "`hooke label spice parts=des-monomers --method gfn2 -o des_gfn2.parquet` · "
    "`hooke label frames.npz length_unit=bohr --method gfn1 -o labels.parquet --cluster auto` · "
    '`hooke label --atoms --method "pyscf:wb97x/6-31g*" --elements H,C,N,O -o atoms.extxyz`'
)
_OF_FRAMES = ("conformers", "seed", "smiles", "charge", "multiplicity", "cluster", "new", "dry_run", "forces", "qm1b")


def label(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            help="Molecules, which are embedded: CSV(.gz), Parquet, SMILES file, SDF with --conformers. Frames, which keep their geometry: "
            "XYZ, SDF, HDF5, npz, Parquet, ASE database, a store, or a data set's name."
        ),
    ] = None,
    data: Annotated[
        list[str] | None, typer.Argument(help="Options of a data set or of a file of frames, as key=value.")
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="b3lyp, pbe or svwn with sto-3g or 6-31g* (b3lyp/sto-3g: closed shells, hydrogen to argon); gfn2, gfn1; or pyscf:XC/BASIS "
            "such as pyscf:wb97x/6-31g*."
        ),
    ] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write: .parquet or .extxyz.")] = None,
    conformers: Annotated[
        int | None, typer.Option(min=1, help="Conformers embedded of each molecule; default: 1.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the embedding; default: 0.")] = None,
    smiles: Annotated[str | None, typer.Option(help="Name of the SMILES column, if not recognised.")] = None,
    charge: Annotated[
        int | None, typer.Option(help="Charge of all frames; default: as stated by the molecules or frames.")
    ] = None,
    multiplicity: Annotated[
        int | None, typer.Option(min=1, help="Spin multiplicity of all frames; default: as stated, else singlet.")
    ] = None,
    grid: Annotated[
        int | None, typer.Option(min=0, max=9, help="Level of the integration grid; default: 1; of PySCF 3, atoms 4.")
    ] = None,
    density_fit: Annotated[
        bool, typer.Option("--density-fit", help="PySCF: approximate two-electron integrals.")
    ] = False,
    forces: Annotated[
        bool,
        typer.Option(
            "--forces/--no-forces", help="Compute forces; without them XC/BASIS takes half to two thirds of the time."
        ),
    ] = True,
    qm1b: Annotated[
        Path | None, typer.Option(help="Also write the labelled frames in the schema of QM1B: .parquet.")
    ] = None,
    atoms: Annotated[
        bool, typer.Option("--atoms", help="Isolated atoms in their ground states instead of frames.")
    ] = False,
    elements: Annotated[str, typer.Option(help="With --atoms: elements, comma-separated.")] = "H,C,N,O",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Label a few frames to estimate the hours that all would take; write nothing."),
    ] = False,
    workers: Workers = None,
    cluster: Cluster = None,
    new: New = False,
    as_json: Json = False,
) -> None:
    """Label molecules or frames with energies and forces of a quantum method; every frame has its row, labelled or with the reason."""
    import hooke

    if not method:
        raise UsageError("--method is missing: b3lyp/sto-3g, gfn2, gfn1 or pyscf:XC/BASIS")
    if atoms:
        refuse_options(context, "belongs to frames, not to --atoms", *_OF_FRAMES)
        if source is not None:
            raise UsageError(f"--atoms takes no source: leave out {source!r}, name elements with --elements")
        energies = hooke.label_atoms(method, elements, output, grid=grid, density_fit=density_fit, workers=workers)
        if as_json:
            print_json({"output": output, "unit": "eV", "atoms": [asdict(each) for each in energies]})
        else:
            rows = [(each.element, each.multiplicity, f"{each.energy:.4f}", each.steps) for each in energies]
            print_table(("element", "multiplicity", "energy (eV)", "SCF steps"), rows)
        return
    refuse_options(context, "belongs to --atoms", "elements")
    if source is None:
        raise UsageError("name what to label: a file, a data set, or --atoms")
    if output is None and dry_run:
        output = Path("labels.parquet")  # of a plan nothing is written
    if output is None:
        raise UsageError("--output is missing: name a .parquet or .extxyz file")
    report = hooke.label(
        source, output, method=method, data=data or (), conformers=conformers, cluster=cluster, seed=seed, smiles_column=smiles,
        charge=charge, multiplicity=multiplicity, grid=grid, density_fit=density_fit, workers=workers, resume=not new, dry_run=dry_run,
        forces=forces, qm1b=qm1b,
    )  # fmt: skip
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(report.summary())
