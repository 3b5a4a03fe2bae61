"""Benchmark suites as declarations: each file holds `SUITE`, its name is the file's; `hooke show names suites` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hooke.core import registry


@dataclass(frozen=True)
class SuiteTask:
    """One task: a table of a registered data set and the metric that its labels are averaged over.

    Attributes:
        name: Of the task.
        dataset: Registered name.
        options: Of the data set's config.
        metric: Name in `evaluate.metrics`.
        pretraining: Tables of `shelfmix` that hold the same assay, or measurements of the same target (not its test molecules).
    """

    name: str
    dataset: str
    options: Mapping[str, Any]
    metric: str
    pretraining: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suite:
    """Tasks that are reported together.

    Attributes:
        name: Of the suite.
        title: For the report.
        tasks: The tasks.
        cliffs: Whether the data set marks activity cliffs; the error on them is a second score.
    """

    name: str
    title: str
    tasks: tuple[SuiteTask, ...]
    cliffs: bool = False

    @property
    def size(self) -> int:
        """How many tasks there are."""
        return len(self.tasks)


@dataclass(frozen=True)
class DiversitySuite:
    """A study of how many molecules and how many conformations of each a potential is trained on.

    Attributes:
        name: Of the suite.
        title: For the report.
        recipe: A recipe about frames, whose split is "conformation".
        budget: (molecules, conformations of each) of nearly equal products: sweep 1, conformations rising.
        molecules: Of sweep 2, for each of
        conformations: its conformations a molecule, rising.
        frames: Data set and options of the frames that are labelled first, where the recipe's data are not named.
        far: Data set and options of frames of quite other molecules, which are labelled too and only tested on.
        method: By which all are labelled, and
        elements: of which isolated atoms are labelled as well.
    """

    name: str
    title: str
    recipe: str
    budget: tuple[tuple[int, int], ...]
    molecules: int
    conformations: tuple[int, ...]
    frames: tuple[str, ...] = ()
    far: tuple[str, ...] = ()
    method: str = "gfn2"
    elements: tuple[str, ...] = ("H", "C", "N", "O")

    @property
    def size(self) -> int:
        """How many points are trained."""
        return len(self.points)

    @property
    def points(self) -> tuple[tuple[int, int], ...]:
        """The different points of both sweeps."""
        return tuple(dict.fromkeys((*self.budget, *((self.molecules, count) for count in self.conformations))))


@dataclass(frozen=True)
class LabelScalingSuite:
    """A study of how the error of a computed property falls with rows of own labels, and whether they help on labels of another method.

    Attributes:
        name: Of the suite.
        title: For the report.
        recipe: A recipe about frames, whose split is "molecule" and whose one label is learnt.
        label: Of the store, in eV.
        shares: Of the training molecules, rising to 1.
        molecules: Data set and option of the table that molecules are drawn from.
        heavy_atoms: Fewest and most of a molecule.
        count: Of molecules, one conformer each.
        method: By which they are labelled, with
        grid: a level of integration.
        other: Data set and option of a table with CXSMILES that hold geometries, and
        other_label: its column, in eV: what is learnt afterwards.
    """

    name: str
    title: str
    recipe: str
    label: str
    shares: tuple[float, ...]
    molecules: tuple[str, str]
    heavy_atoms: tuple[int, int]
    count: int
    method: str
    grid: int
    other: tuple[str, str]
    other_label: str

    @property
    def size(self) -> int:
        """How many sizes are trained on."""
        return len(self.shares)


@dataclass(frozen=True)
class PotentialSuite:
    """Networks on frames beside baselines, trained on one part of each set and tested on the others.

    Attributes:
        name: Of the suite.
        title: For the report.
        recipe: A recipe about frames, whose split is "part".
        sets: Data sets of frames.
        parts: Of each set, the one that is trained on.
        models: Networks, with their preset "small".
    """

    name: str
    title: str
    recipe: str
    sets: tuple[str, ...]
    parts: tuple[str, ...]
    models: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many sets there are."""
        return len(self.sets)


@dataclass(frozen=True)
class ResponseTask:
    """Models of responses on one table of scores, with its splits and baselines; `studies.response_tasks` says how it is measured.

    Attributes:
        name: Of the task.
        dataset: Registered name.
        protocol: File in `studies.response_tasks`.
        models: Registered names, baselines first; those with a graph are measured with changed copies of it as well.
        options: Of the protocol.
        networks: Recipes of networks that are measured as well, alone and as residuals; of protocols with unseen genes.
    """

    name: str
    dataset: str
    protocol: str
    models: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResponseSuite:
    """Tasks of predicting responses that are reported together.

    Attributes:
        name: Of the suite.
        title: For the report.
        tasks: The tasks.
    """

    name: str
    title: str
    tasks: tuple[ResponseTask, ...]

    @property
    def size(self) -> int:
        """How many tasks there are."""
        return len(self.tasks)


@dataclass(frozen=True)
class ExplanationTask:
    """Explanations on one data set; `studies.explanation_tasks` says how they are measured.

    Attributes:
        name: Of the task.
        dataset: Registered name.
        protocol: File in `studies.explanation_tasks`.
        options: Of the protocol.
    """

    name: str
    dataset: str
    protocol: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExplanationSuite:
    """Measures of explanations that are reported together.

    Attributes:
        name: Of the suite.
        title: For the report.
        tasks: The tasks.
    """

    name: str
    title: str
    tasks: tuple[ExplanationTask, ...]

    @property
    def size(self) -> int:
        """How many tasks there are."""
        return len(self.tasks)


@dataclass(frozen=True)
class DiscoverySuite:
    """Screens that loops with the laboratory are simulated on.

    Attributes:
        name: Of the suite.
        title: For the report.
        dataset: Registered name; its rows have the columns gene, screen and study, and one score.
        screens: Some of its screens.
    """

    name: str
    title: str
    dataset: str
    screens: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many screens there are."""
        return len(self.screens)


def suite(name: str) -> Any:
    """A suite by name: a `Suite`, or a declaration of another kind of study.

    Raises:
        UnknownNameError: No such suite.
    """
    return registry.module("suites", name).SUITE
