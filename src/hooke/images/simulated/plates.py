"""The plates of a simulated screen: what lies in which well, and what experiments, plates and places do to the images.

Experiments differ in staining, light, focus, crosstalk and in the cells themselves; plates less so; wells on the edge have
fewer cells and stronger stains, and staining drifts over each plate. All of it is recorded, so that one can say which batch
did what.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hooke.core.well_names import well_name
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.library import TRAITS, Library
from hooke.images.wells import PLATE_SHAPES, distance_to_edge

_UNSHIFTED = ("mitosis",)


@dataclass(frozen=True)
class Conditions:
    """What a well's images are subject to, beside its perturbation.

    Attributes:
        traits: (traits,) shift of the cells' traits.
        gain: (C,) factor of each stain.
        background: (C,) light without cells, in parts of a typical cell's light.
        crosstalk: Part of each channel's light that leaks into the next.
        blur_px: Standard deviation of the blur by optics and focus.
        light: (C, 3): height of the illumination's hill, and its centre (y, x) in parts of the field.
        photons: Photons of a pixel of typical brightness; fewer are noisier.
    """

    traits: np.ndarray
    gain: np.ndarray
    background: np.ndarray
    crosstalk: float
    blur_px: float
    light: np.ndarray
    photons: float


@dataclass(frozen=True)
class Experiment:
    """The common conditions of an experiment, and the response of its cell type to perturbations."""

    name: str
    cell_type: str
    conditions: Conditions
    response: np.ndarray
    edge: float


def plate_shape_for(wells: int) -> tuple[int, int]:
    """The smallest usual plate with at least that many wells; a whole number of rows beyond 1,536."""
    for shape in PLATE_SHAPES.values():
        if shape[0] * shape[1] >= wells:
            return shape
    return -(-wells // 48), 48


def make_wells(config: ScreenConfig, library: Library) -> pl.DataFrame:
    """What lies in which well of which plate: one row a well, with the number of its perturbation in the library."""
    treatments = np.repeat(np.arange(1, len(library.table)), config.replicates)
    share = -(-len(treatments) // config.plates)
    rows, columns = plate_shape_for(share + config.controls)
    rows_out = []
    held = _held(config, len(library.table))
    for experiment in range(config.experiments):
        moving = config.style == "rxrx1"  # places drawn anew for every experiment
        generator = np.random.default_rng((config.seed, 2, experiment if moving else 0))
        mixed = generator.permutation(treatments)
        for plate in range(config.plates):
            content = np.concatenate([np.zeros(config.controls, np.int64), mixed[plate * share : (plate + 1) * share]])
            places = np.sort(generator.permutation(rows * columns)[: len(content)])
            for place, number in zip(places, generator.permutation(content), strict=True):
                if not held[experiment, number]:
                    continue
                row, column = int(place) // columns + 1, int(place) % columns + 1
                rows_out.append((experiment, plate + 1, row, column, well_name(row, column), int(number)))
    schema = ["experiment_number", "plate_number", "row", "column", "well", "perturbation_number"]
    return pl.DataFrame(rows_out, schema=schema, orient="row")


def _held(config: ScreenConfig, perturbations: int) -> np.ndarray:
    """(experiments, perturbations) bool: which experiment holds which perturbation; each is in equally many."""
    generator = np.random.default_rng((config.seed, 8))
    count = max(1, round(config.coverage * config.experiments))
    order = generator.random((config.experiments, perturbations)).argsort(axis=0)
    held = order < count
    held[:, 0] = True
    return held


def make_experiments(config: ScreenConfig) -> list[Experiment]:
    """Draw the conditions of every experiment."""
    found, channels, strength = [], len(config.channels), config.batch_strength
    counts: dict[str, int] = {}
    for number in range(config.experiments):
        cell_type = config.cell_types[number % len(config.cell_types)]
        counts[cell_type] = counts.get(cell_type, 0) + 1
        name = f"{cell_type}-{counts[cell_type]:02d}" if config.style == "rxrx1" else f"SIM_Batch{number + 1}"
        base, response = _cell_type(config, cell_type)
        generator = np.random.default_rng((config.seed, 3, number))
        conditions = Conditions(
            traits=base + _shift(generator, 0.7 * strength),
            gain=np.exp(generator.normal(0.0, 0.3 * strength, channels)),
            background=np.exp(generator.normal(np.log(0.045), 0.4 * strength, channels)),
            crosstalk=float(0.03 + 0.12 * strength * generator.random()),
            blur_px=float(0.45 + 0.3 * strength * generator.random()),
            light=np.column_stack(
                [0.35 * strength * generator.random(channels), generator.uniform(0.2, 0.8, (channels, 2))]
            ),
            photons=float(np.exp(generator.normal(np.log(900.0), 0.5 * strength))),
        )
        found.append(Experiment(name, cell_type, conditions, response, float(strength * generator.uniform(0.2, 1.0))))
    return found


def well_conditions(
    config: ScreenConfig,
    experiment: Experiment,
    numbers: tuple[int, int],
    place: tuple[int, int],
    shape: tuple[int, int],
) -> Conditions:
    """The conditions in one well.

    Args:
        config: The screen.
        experiment: Its experiment.
        numbers: Of the experiment and of the plate.
        place: Row and column of the well, from 1.
        shape: Rows and columns of the plate.
    """
    plate = np.random.default_rng((config.seed, 4, *numbers))
    well = np.random.default_rng((config.seed, 5, *numbers, *place))
    common, strength, channels = experiment.conditions, config.batch_strength, len(config.channels)
    traits = common.traits + _shift(plate, 0.15 * strength) + _shift(well, 0.25)
    drift = plate.normal(0.0, 0.12 * strength, (2, channels))  # from the first row to the last, first column to last
    across = np.array(place) / np.array(shape) - 0.5
    gain = common.gain * np.exp(plate.normal(0.0, 0.08 * strength, channels) + across @ drift)
    gain = gain * np.exp(well.normal(0.0, 0.05) + well.normal(0.0, 0.03, channels))
    near = experiment.edge * {0: 1.0, 1: 0.4}.get(distance_to_edge(*place, shape), 0.0)
    traits = traits + near * _EDGE_TRAITS
    gain = gain * (1.0 + 0.25 * near)
    defocus = abs(well.normal(0.0, 0.15)) + (1.2 if well.random() < 0.01 else 0.0)
    return Conditions(
        traits, gain, common.background * np.exp(well.normal(0.0, 0.08, channels)), common.crosstalk,
        float(np.hypot(common.blur_px, defocus)), common.light, common.photons,
    )  # fmt: skip


def batch_truth(config: ScreenConfig) -> pl.DataFrame:
    """What every experiment truly does: shift of each trait, gain and background of each channel, crosstalk, blur, light."""
    rows = []
    for experiment in make_experiments(config):
        common = experiment.conditions
        row: dict[str, object] = {"batch": experiment.name, "cell_type": experiment.cell_type}
        row |= {f"trait_{name}": float(value) for name, value in zip(TRAITS, common.traits, strict=True)}
        for place, channel in enumerate(config.channels):
            row |= {
                f"gain_{channel}": float(common.gain[place]),
                f"background_{channel}": float(common.background[place]),
            }
            row[f"light_{channel}"] = float(common.light[place, 0])
        rows.append(
            {
                **row,
                "crosstalk": common.crosstalk,
                "blur_px": common.blur_px,
                "photons": common.photons,
                "edge": experiment.edge,
            }
        )
    return pl.DataFrame(rows)


def _cell_type(config: ScreenConfig, name: str) -> tuple[np.ndarray, np.ndarray]:
    """How cells of a type look, and how strongly each of their traits responds; U2OS is the reference."""
    if name == "U2OS":
        return np.zeros(len(TRAITS)), np.ones(len(TRAITS))
    generator = np.random.default_rng((config.seed, 6, *name.encode()))
    return _shift(generator, 1.0), np.exp(generator.normal(0.0, 0.25, len(TRAITS)))


def _shift(generator: np.random.Generator, deviation: float) -> np.ndarray:
    shift = generator.normal(0.0, deviation, len(TRAITS))
    shift[[TRAITS.index(name) for name in _UNSHIFTED]] = 0.0
    return shift


_EDGE_TRAITS = np.zeros(len(TRAITS))
_EDGE_TRAITS[TRAITS.index("density")] = -1.2
_EDGE_TRAITS[TRAITS.index("cell_radius")] = 0.5
_EDGE_TRAITS[TRAITS.index("vesicles")] = 0.5
