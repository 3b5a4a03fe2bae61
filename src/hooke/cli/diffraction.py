"""`hooke diffraction`: X-ray snapshots of single particles, from simulation to a density."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, New, Runs, listed, print_fields, print_json, print_table
from hooke.core.errors import UsageError

app = typer.Typer(
    help="X-ray diffraction of single particles: simulate frames, convert them, find a density.", no_args_is_help=True
)
Out = Annotated[
    Path, typer.Option("--output", "-o", help="Frames: .h5, .emc, .cxi, .npy, or a folder (Hooke's store).")
]


@app.command(
    epilog="Examples: `hooke diffraction simulate antibody.pdb -o frames.h5 --frames 2000 --photons 400` · "
    "`hooke diffraction simulate virus.pdb.gz --assembly 1 -o frames.emc --fluence-spread 0.4 --background 0.5` · "
    "`hooke diffraction simulate open.cif closed.cif --fractions 0.7,0.3 -o mixture.h5 --json`"
)
def simulate(
    structures: Annotated[
        list[str], typer.Argument(help="PDB or mmCIF files, gzipped or not; several are a mixture.")
    ],
    output: Out,
    frames: Annotated[int, typer.Option(min=1, help="How many.")] = 2000,
    photons: Annotated[float, typer.Option(min=0, help="Expected of the particle in a frame, in the pixels in use.")] = 400.0,
    detector: Annotated[
        Path | None, typer.Option(help="A detector file; without, a square one is made and written beside the frames.")
    ] = None,
    side: Annotated[int, typer.Option(min=3, help="Pixels of the detector's edge.")] = 41,
    wavelength: Annotated[float, typer.Option(help="Å.")] = 3.0,
    oversampling: Annotated[float, typer.Option(help="Pixels of a speckle's width.")] = 2.5,
    beam_stop: Annotated[float, typer.Option(min=0, help="Radius, in pixels.")] = 3.0,
    polarisation: Annotated[str, typer.Option(help="Polarisation of the beam: x, y, or none.")] = "x",
    corners: Annotated[bool, typer.Option("--corners", help="Use the corners of the detector too.")] = False,
    assembly: Annotated[str, typer.Option(help="Biological assembly whose copies are made; default: atoms as they stand.")] = "",
    alternates: Annotated[str, typer.Option(help="Alternate locations: all, by occupancy, or the highest alone.")] = "all",
    waters: Annotated[bool, typer.Option("--waters/--no-waters", help="Keep waters of the crystal.")] = True,
    displacement: Annotated[bool, typer.Option("--displacement/--no-displacement", help="Heed displacement factors.")] = True,
    fractions: Annotated[str, typer.Option(help="Shares of a mixture, separated by commas; equal without.")] = "",
    fluence_spread: Annotated[float, typer.Option(min=0, help="Standard deviation of the logarithm of the fluence.")] = 0.0,
    background: Annotated[float, typer.Option(min=0, help="Photons of an even background, as a share of the particle's.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Simulate frames of structures with their truth, from exact intensities."""
    import hooke

    result = hooke.simulate_patterns(
        structures, output, frames=frames, photons=photons, detector=detector, side=side, wavelength=wavelength, oversampling=oversampling,
        beam_stop=beam_stop, polarisation=polarisation, corners=corners, assembly=assembly, alternates=alternates, waters=waters,
        displacement=displacement, fractions=_shares(fractions), fluence_spread=fluence_spread, background=background, seed=seed,
    )  # fmt: skip
    _print(result, as_json)


@app.command(
    epilog="Examples: `hooke diffraction convert frames.h5 -o frames.emc` · "
    "`hooke diffraction convert raw.npy -o frames.h5 --gain 130 --dark dark.npy --mask bad.npy`"
)
def convert(
    source: Annotated[Path, typer.Argument(help="Frames: .h5, .emc, .cxi, .npy, or a folder (Hooke's store).")],
    output: Out,
    gain: Annotated[float | None, typer.Option(help="Detector units of a photon; without, the source holds counts.")] = None,
    dark: Annotated[Path | None, typer.Option(help="Detector units: what pixels read without light, .npy.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Detector units: bad pixels are not 0, .npy.")] = None,
    threshold: Annotated[float, typer.Option(help="Detector units: photons from which a pixel counts as one.")] = 0.5,
    kind: Annotated[str, typer.Option(help="Of .emc: sparse, dense or double.")] = "sparse",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Write frames in another format, or photons from detector units."""
    import hooke

    result = hooke.convert_patterns(source, output, gain=gain, dark=dark, mask=mask, threshold=threshold, kind=kind)
    _print(result, as_json)


@app.command(
    epilog="Examples: `hooke diffraction phase runs/emc --starts 10` · `hooke diffraction phase intensity.mrc --centre 3 --voxel 0.004` · "
    "`hooke diffraction phase pattern.npy --mask mask.npy --algorithm hio --json`"
)
def phase(
    source: Annotated[Path, typer.Argument(help="A run of `hooke diffraction reconstruct`, or intensities: .mrc, .cxi, .h5, .npy; 2D or 3D.")],
    runs: Runs = Path("runs"),
    starts: Annotated[int, typer.Option(min=1, help="From random phases; those that agree are averaged.")] = 10,
    algorithm: Annotated[str, typer.Option(help="raar, hio, dm (difference map) or er.")] = "raar",
    iterations: Annotated[int, typer.Option(min=1, help="Iterations per start.")] = 400,
    refine: Annotated[int, typer.Option(min=0, help="Final iterations that are error reduction.")] = 50,
    beta: Annotated[float, typer.Option(help="Feedback parameter of hio and raar.")] = 0.9,
    shrink_every: Annotated[int, typer.Option(min=0, help="Iterations between two supports; 0 keeps the first.")] = 20,
    threshold: Annotated[float, typer.Option(help="Share of the highest blurred density that the support ends at.")] = 0.15,
    blur: Annotated[float, typer.Option(min=0, help="Voxels that the density is blurred by for the support, at first.")] = 3.0,
    last_blur: Annotated[float, typer.Option(min=0, help="The same, at the end.")] = 1.0,
    positive: Annotated[bool, typer.Option("--positive/--any-sign", help="The density is not negative.")] = True,
    centre: Annotated[float | None, typer.Option(min=0, help="Radius in voxels within which nothing was measured.")] = None,
    corners: Annotated[bool, typer.Option("--corners", help="Believe what lies outside the inscribed circle or sphere.")] = False,
    mask: Annotated[Path | None, typer.Option(help="A file of the same shape: voxels that are not 0 were not measured.")] = None,
    voxel: Annotated[float | None, typer.Option(help="Å⁻¹ of a voxel, where the source does not say.")] = None,
    model: Annotated[int, typer.Option(min=0, help="Index of the model, where a run has several.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the first start.")] = 0,
    accelerator: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    new: New = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Find the density behind an intensity from several starts; a stopped run goes on, a finished one is not repeated."""
    import hooke
    from hooke.report.wording import number

    found = hooke.phase(
        source, runs, starts=starts, algorithm=algorithm, iterations=iterations, refine=refine, beta=beta, shrink_every=shrink_every,
        threshold=threshold, blur=blur, last_blur=last_blur, positive=positive, centre=centre, corners=corners, mask=mask, voxel=voxel,
        model=model, seed=seed, accelerator=accelerator, new=new,
    )  # fmt: skip
    facts = found.to_json()
    if as_json:
        print_json(facts)
        return
    print_table(
        ["start", "error", "support", "correlation", "inverted", "averaged"],
        [
            [
                row["start"],
                number(row["error"]),
                number(row["support"]),
                number(row["correlation"]),
                row["inverted"],
                row["used"],
            ]
            for row in facts["starts"]
        ],
    )
    typer.echo(
        f"{found.verdict}\ndensity {', '.join(facts['density'])}\nrun     {found.run.folder}\nreport  {facts['report']}"
    )


@app.command(
    epilog="Examples: `hooke diffraction reconstruct frames.h5` · `hooke diffraction reconstruct frames.emc --detector det.h5 --speckles 7` · "
    "`hooke diffraction reconstruct frames.h5 --n 4 --starts 5 --devices 2 --json` · "
    "`hooke diffraction reconstruct virus.h5 --symmetry I` · "
    "`hooke diffraction reconstruct frames.h5 --n 12 --dry-run --frames 10000000 --devices 256 --accelerator cuda`"
)
def reconstruct(
    frames: Annotated[Path, typer.Argument(help="Frames: .h5, .emc, .cxi, .npy, or a folder (Hooke's store).")],
    runs: Runs = Path("runs"),
    detector: Annotated[Path | None, typer.Option(help="Its file; default: FRAMES.detector.h5 beside the frames.")] = None,
    speckles: Annotated[
        float | None, typer.Option(help="From the centre to the edge, which n is set to; default: by the detector's oversampling.")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=0, help="Division of the 600-cell: 10 (5 n³ + n) rotations; 0 takes speckles.")] = 0,
    in_plane: Annotated[int, typer.Option(min=0, help="2D: so many rotations about the beam instead of all.")] = 0,
    refine: Annotated[
        int, typer.Option(min=0, help="Iterations that follow on the likeliest start, each frame on rotations of 2n near its best one.")
    ] = 0,
    starts: Annotated[int, typer.Option(min=1, help="From different random models; the likeliest is kept.")] = 3,
    iterations: Annotated[int, typer.Option(min=1, help="Iterations per start.")] = 20,
    annealing: Annotated[str, typer.Option(help="adaptive (information climbs a ramp) or fixed (β is multiplied).")] = "adaptive",
    models: Annotated[int, typer.Option(min=1, help="Intensities that frames are divided among.")] = 1,
    symmetry: Annotated[
        str,
        typer.Option(help="Symmetry: friedel (every intensity's), or a point group: C2, D7, T, O, I; halves of the frames check it."),
    ] = "friedel",
    merge: Annotated[str, typer.Option(help="counts (the likeliest) or normalised (mean of views, as Dragonfly).")] = "counts",
    scaling: Annotated[bool, typer.Option("--scaling/--no-scaling", help="Estimate the fluence of every frame.")] = True,
    background: Annotated[
        str, typer.Option(help=".npy: expected counts of a frame in every pixel that are not the particle's.")
    ] = "",
    precision: Annotated[str, typer.Option(help="single or double.")] = "single",
    seed: Annotated[int, typer.Option(help="Seed of the initial models.")] = 0,
    accelerator: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    devices: Annotated[int, typer.Option(min=1, help="Processes, among which frames are divided.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say rotations, operations, memory, traffic and hours; run nothing.")] = False,
    count: Annotated[int | None, typer.Option("--frames", min=1, help="With --dry-run: plan for so many frames.")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="With --dry-run: GFLOP/s of float32 products of a device.")] = None,
    new: New = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Find the orientations of frames and the intensity that they are slices of; a stopped run continues."""
    import hooke

    options: dict[str, Any] = {
        "detector": detector, "speckles": speckles, "n": n, "in_plane": in_plane, "refine": refine, "starts": starts, "iterations": iterations,
        "annealing": annealing, "models": models, "symmetry": symmetry, "merge": merge, "scaling": scaling, "background": background,
        "precision": precision, "seed": seed,
        "accelerator": accelerator, "devices": devices,
    }  # fmt: skip
    if dry_run:
        planned = hooke.plan_reconstruction(frames, count=count, rate=rate, **options).to_json()
        print_json(planned) if as_json else print_fields(planned)
        return
    if count is not None or rate is not None:
        raise UsageError("--frames and --rate belong to --dry-run")
    found = hooke.reconstruct(frames, runs, new=new, **options)
    if as_json:
        print_json(found.to_json())
        return
    left_out = "".join(f"; {number:,} not used: {reason}" for reason, number in found.left_out.items())
    typer.echo(f"{found.used:,} of {found.frames:,} frames used{left_out}")
    typer.echo(f"{found.verdict}")
    typer.echo(f"report  {found.run.path('report.html')}")


@app.command(
    epilog="Examples: `hooke diffraction evaluate runs/emc --truth antibody.pdb` · "
    "`hooke diffraction evaluate runs/emc/20261201T120000-0123abcd --truth virus.pdb.gz --assembly 1 --json`"
)
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder, or the folder of runs, whose newest is taken.")],
    truth: Annotated[Path, typer.Option(help="PDB or mmCIF file that the frames were simulated from.")],
    frames: Annotated[
        Path | None, typer.Option(help="Simulated frames that know their orientations; default: those of the run.")
    ] = None,
    model: Annotated[int, typer.Option(min=0, help="Which of several models.")] = 0,
    assembly: Annotated[str, typer.Option(help="Biological assembly of the structure.")] = "",
    as_json: Json = False,
) -> None:
    """Score a reconstruction against the truth: orientations up to what no pattern can tell, and the intensity shell by shell."""
    import hooke

    found = hooke.evaluate_reconstruction(run, truth, frames=frames, model=model, assembly=assembly)
    if as_json:
        print_json(found.to_json())
        return
    said = [f"{angle:.1f}° ({correlation:.3f})" for angle, correlation in found.symmetries]
    print_fields(
        {
            "frames": found.frames,
            "spacing": f"{found.spacing:.1f}°",
            "angle error": f"median {found.naive.median:.1f}°, {found.naive.within:.1%} within two spacings",
            "near-symmetries": said or "none",
            "  after them": f"median {found.symmetric.median:.1f}°, {found.symmetric.within:.1%} within two spacings",
            "half turns about the beam": f"{found.flips:.1%} of the frames",
            "correlation of log(1 + I)": found.correlation,
            "correlation of fluences": found.fluence,
        }
    )
    print_table(("shell", "1/Å", "FSC of I"), [(shell, f"{q:.4f}", f"{value:.3f}") for shell, q, value in found.shells])


def _print(result: Any, as_json: bool) -> None:
    if as_json:
        print_json(result.to_json())
        return
    fields = {name: value for name, value in result.to_json().items() if name != "facts"}
    print_fields({name: value for name, value in {**fields, **result.facts}.items() if value not in (None, {}, [])})


def _shares(text: str) -> list[float]:
    try:
        return [float(each) for each in listed(text)]
    except ValueError as error:
        raise UsageError(f"--fractions are numbers separated by commas, got {text!r}") from error
