from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.library import TRAITS, make_library
from hooke.images.simulated.plates import batch_truth, make_experiments, make_wells, plate_shape_for, well_conditions

JUMP = ScreenConfig(modules=3, genes_per_module=2, lone_genes=2, compounds=0, experiments=3, plates=2)
RXRX = ScreenConfig("rxrx1", modules=3, genes_per_module=2, lone_genes=2, compounds=0, experiments=5, plates=2)


def test_every_experiment_holds_every_perturbation_once() -> None:
    for config in (JUMP, RXRX):
        wells = make_wells(config, make_library(config))
        counts = (
            wells.filter(pl.col("perturbation_number") > 0).group_by("experiment_number", "perturbation_number").len()
        )
        assert counts["len"].unique().to_list() == [1]
        controls = wells.filter(perturbation_number=0).group_by("experiment_number", "plate_number").len()
        assert controls["len"].unique().to_list() == [config.controls]
        assert wells.select("experiment_number", "plate_number", "well").is_unique().all()


def test_places_are_fixed_in_one_style_and_drawn_anew_in_the_other() -> None:
    def places(config: ScreenConfig) -> list[list[str]]:
        wells = make_wells(config, make_library(config)).filter(perturbation_number=3)
        return [[row["well"], row["plate_number"]] for row in wells.iter_rows(named=True)]

    assert len({tuple(place) for place in places(JUMP)}) == 1
    assert len({tuple(place) for place in places(RXRX)}) > 1


def test_coverage_shares_the_perturbations_among_experiments() -> None:
    config = ScreenConfig(modules=4, compounds=0, experiments=4, coverage=0.5)
    library = make_library(config)
    wells = make_wells(config, library)
    counts = wells.filter(pl.col("perturbation_number") > 0).group_by("perturbation_number").len()
    assert counts["len"].unique().to_list() == [2]
    assert len(counts) == len(library.table) - 1
    assert wells.filter(perturbation_number=0).height == 4 * config.controls


def test_experiments_have_names_types_and_known_conditions() -> None:
    names = [experiment.name for experiment in make_experiments(RXRX)]
    assert names == ["HUVEC-01", "RPE-01", "HEPG2-01", "U2OS-01", "HUVEC-02"]
    first, *_, last = make_experiments(RXRX)
    assert np.array_equal(first.response, last.response)
    assert not np.array_equal(first.conditions.gain, last.conditions.gain)
    truth = batch_truth(RXRX)
    assert truth["batch"].to_list() == names
    assert truth["gain_Mito"][0] == first.conditions.gain[RXRX.channels.index("Mito")]


def test_edges_plates_and_strengths() -> None:
    calm = ScreenConfig(compounds=0, batch_strength=0.0)
    experiment = make_experiments(calm)[0]
    assert not experiment.conditions.traits.any()
    assert np.allclose(experiment.conditions.gain, 1)
    [experiment] = make_experiments(ScreenConfig(compounds=0, experiments=1))
    density, shape = TRAITS.index("density"), (16, 24)
    edge = [well_conditions(JUMP, experiment, (0, 1), (1, column), shape) for column in range(1, 25)]
    inner = [well_conditions(JUMP, experiment, (0, 1), (8, column), shape) for column in range(3, 22)]
    assert np.mean([c.traits[density] for c in edge]) < np.mean([c.traits[density] for c in inner])
    assert np.mean([c.gain for c in edge]) > np.mean([c.gain for c in inner])
    again = well_conditions(JUMP, experiment, (0, 1), (1, 1), shape)
    assert np.array_equal(again.traits, edge[0].traits)


@pytest.mark.parametrize(("wells", "shape"), [(60, (8, 12)), (97, (16, 24)), (2000, (42, 48))])
def test_plate_shapes(wells: int, shape: tuple[int, int]) -> None:
    assert plate_shape_for(wells) == shape
