"""Files of diffraction frames: simulated from structures, converted from other formats and from detector units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.files import replacing
from hooke.core.progress import progress
from hooke.core.reading import reading
from hooke.diffraction.detector import Detector, read_detector, write_detector
from hooke.diffraction.pattern_files import read_dense
from hooke.diffraction.patterns import Patterns, patterns_from_dense, photons, read_patterns, write_patterns
from hooke.diffraction.simulate import simulate_patterns
from hooke.diffraction.structure import Structure, read_structure
from hooke.diffraction.truth import truth_path, write_truth, write_truth_beside


@dataclass(frozen=True)
class Frames:
    """What came of it.

    Attributes:
        output: The file of frames.
        frames: How many.
        pixels: Of each.
        photons: Mean of a frame.
        blank: Reason → frames that tell nothing; they keep their place.
        detector: The detector's file, where there is one.
        facts: More about it.
    """

    output: Path
    frames: int
    pixels: int
    photons: float
    blank: dict[str, int]
    detector: Path | None
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def simulate_frames(
    structures: Sequence[Path | str], output: Path | str, *, frames: int = 2000, photons: float = 400.0,
    detector: Path | str | Detector | None = None, side: int = 41, wavelength: float = 3.0, oversampling: float = 2.5, beam_stop: float = 3.0,
    polarisation: str = "x", corners: bool = False, assembly: str = "", alternates: str = "all", waters: bool = True,
    displacement: bool = True, fractions: Sequence[float] = (), fluence_spread: float = 0.0, background: float = 0.0, seed: int = 0,
    show_progress: bool = True,
) -> Frames:  # fmt: skip
    """Simulate frames of structures, with their truth; see `diffraction.simulate`, `Detector.square` and `diffraction.structure`.

    Args:
        structures: PDB or mmCIF files; several are a mixture.
        output: .h5 holds the truth too; .emc, .cxi, .npy and a folder have it beside them (`.truth.h5`).
        detector: A detector, or its file; without, a square one is made for the largest structure and written beside the frames
            (`.detector.h5`).
        frames, photons, fluence_spread, background, fractions, seed: See `simulate_patterns`.
        side, wavelength, oversampling, beam_stop, polarisation, corners: See `Detector.square`.
        assembly, alternates, waters, displacement: See `read_structure`.
        show_progress: Show frames, rate and time left.

    Raises:
        UsageError: An option is none.
        DataError: A structure or the detector is at fault.
    """
    output = Path(output)
    read = [
        read_structure(path, assembly=assembly, alternates=alternates, waters=waters, displacement=displacement)
        for path in structures
    ]
    if not read:
        raise UsageError("name at least one structure")
    made = detector is None
    geometry = _detector(detector) or Detector.square(
        side, diameter=max(each.diameter for each in read), wavelength=wavelength, oversampling=oversampling, beam_stop=beam_stop,
        polarisation=polarisation, corners=corners,
    )  # fmt: skip
    with progress(frames, "simulating", "frames", show=show_progress) as bar:
        patterns, truth = simulate_patterns(
            read, geometry, frames, photons, seed=seed, fluence_spread=fluence_spread, background=background, fractions=tuple(fractions),
            advance=bar.advance,
        )  # fmt: skip
    beside = output.with_name(f"{output.stem}.detector.h5") if made else None
    if beside is not None:
        write_detector(beside, geometry)
    if truth_path(output) == output:
        with replacing(output) as temporary:
            _write_with_truth(temporary, patterns, truth)
    else:
        write_truth_beside(output, truth)
        write_patterns(output, patterns)
    stated = beside or (Path(detector) if isinstance(detector, Path | str) else None)
    return _described(output, patterns, stated, _facts(read, geometry))


def _detector(given: Path | str | Detector | None) -> Detector | None:
    return given if given is None or isinstance(given, Detector) else read_detector(given)


def _write_with_truth(temporary: Path, patterns: Patterns, truth: Any) -> None:
    from hooke.diffraction.pattern_files import write_hdf5

    write_hdf5(temporary, patterns)
    write_truth(temporary, truth)


def _facts(structures: Sequence[Structure], detector: Detector) -> dict[str, Any]:
    return {
        "atoms": sum(map(len, structures)),
        "diameter (Å)": round(max(each.diameter for each in structures), 2),
        "resolution at the edge (Å)": round(detector.resolution, 3),
        "voxels an edge": detector.side,
        "pixels in use": int(detector.used.sum()),
        "notes": [f"{each.name}: {note}" for each in structures for note in each.notes],
    }


def convert_frames(
    source: Path | str, output: Path | str, *, gain: float | None = None, dark: Path | str | None = None,
    mask: Path | str | None = None, threshold: float = 0.5, kind: str = "sparse",
) -> Frames:  # fmt: skip
    """Write frames in another format, or photons from detector units.

    Args:
        source: Frames (.emc, .h5, .cxi, .npy, a store); in detector units .npy or .cxi.
        output: Frames in the format of its ending.
        gain: Detector units of a photon; None: the source holds counts.
        dark: .npy: what each pixel reads without light, for one frame, or several whose median is taken.
        mask: .npy: pixels that are not 0 are not to be used.
        threshold: Photons from which a pixel counts as one.
        kind: Of .emc: sparse, dense or double.

    Raises:
        UsageError: An option is none.
        DataError: A file is at fault.
    """
    source, output = Path(source), Path(output)
    if gain is None:
        if dark is not None or mask is not None:
            raise UsageError("dark and mask belong to detector units: state the gain, in detector units a photon")
        patterns, facts = read_patterns(source), {}
    else:
        values = read_dense(source)
        away = _plane(dark) if dark is not None else 0.0
        counts, bad = photons(
            values, gain=gain, dark=away, bad=None if mask is None else _plane(mask) != 0, threshold=threshold
        )
        shape = values.shape[1:]
        patterns = patterns_from_dense([counts.reshape(len(counts), -1)], source, shape if len(shape) == 2 else ())
        facts = {"bad pixels": int(bad.sum()), "gain": gain}
    write_patterns(output, patterns, kind=kind)
    return _described(output, patterns, None, facts)


def _plane(path: Path | str) -> np.ndarray:
    """A .npy file of one frame; of several the median."""
    with reading(path, "an array"):
        values = np.load(path, allow_pickle=False)
        if values.dtype.kind not in "iufb":
            raise DataError(f"{path} holds no numbers, but {values.dtype}")
        return np.median(values, axis=0) if values.ndim == 3 else values


def _described(output: Path, patterns: Patterns, detector: Path | None, facts: dict[str, Any]) -> Frames:
    blank = dict(Counter(patterns.reasons.values()))
    return Frames(
        output, len(patterns), patterns.number_of_pixels, float(patterns.photons.mean()), blank, detector, facts
    )
