"""What stands in report.json: frozen dataclasses, torch-free, with `to_json` and `from_json`.

A `Report` is a title, a verdict and sections; a section that a producer leaves empty is not shown. Arrays are tuples of plain numbers; None
stands for "not known" (a bound that could not be computed, a label that was not measured). Molecules are kept once, in `Report.molecules`, and
meant by their position there. `hooke.report.build` makes the sections from arrays.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from hooke.core.errors import DataError
from hooke.core.files import write_durably
from hooke.core.json_text import json_text
from hooke.report.data_schema import DataSummary, KeyNumber

FORMAT = 1
Outcome = Literal["better", "worse", "undecided", "none"]
Direction = Literal["lower", "higher"]


@dataclass(frozen=True)
class Estimate:
    """A number with the bounds of its interval, as far as they are known."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Summary:
    """The honest verdict in one or two sentences.

    Attributes:
        verdict: "Fine-tuning beats training from scratch by 0.21 kcal/mol [0.12, 0.30] and every baseline."
        outcome: "better" and "worse" only when an interval leaves zero out; "none": nothing was compared.
        key_numbers: At most six.
        caveats: What a reader must know before trusting the numbers.
    """

    verdict: str
    outcome: Outcome = "none"
    key_numbers: tuple[KeyNumber, ...] = ()
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """A structure drawing without colours of its own: each stroke names an element, "" for carbon.

    Attributes:
        width, height: Of the canvas, in its own units; 50 units are one bond.
        lines: (element, SVG path) drawn with a pen.
        fills: (element, SVG path) filled (wedges).
        texts: (x, y, size, element, letters): the start of the base line.
    """

    width: int
    height: int
    lines: tuple[tuple[str, str], ...] = ()
    fills: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[int, int, int, str, str], ...] = ()


@dataclass(frozen=True)
class Molecule:
    """A molecule that some section shows. `drawing` is None when it does not parse or is too large to draw."""

    smiles: str
    name: str = ""
    drawing: Drawing | None = None


@dataclass(frozen=True)
class Curve:
    """Loss of one member (or seed) while it trained; train and valid have one entry for each entry of `steps`."""

    name: str
    steps: tuple[float, ...]
    train: tuple[float | None, ...] = ()
    valid: tuple[float | None, ...] = ()
    best_step: float | None = None


@dataclass(frozen=True)
class LearningCurves:
    """One panel: the members and seeds of one stage ("Pretraining", "Fine-tuning", "From scratch")."""

    title: str
    curves: tuple[Curve, ...]
    step_name: str = "epoch"
    loss_name: str = "loss"
    note: str = ""


@dataclass(frozen=True)
class Score:
    """One model's metric on one task. `repeats`: the metric of each seed, where there were several."""

    model: str
    estimate: Estimate
    repeats: tuple[float | None, ...] = ()
    best: bool = False


@dataclass(frozen=True)
class TaskResult:
    """One row of a results table: all models on one label."""

    task: str
    metric: str
    direction: Direction
    scores: tuple[Score, ...]
    unit: str = ""
    level: str = "graph"
    count: int = 0


@dataclass(frozen=True)
class ResultTable:
    """Tasks × models on one part of one data set, with what the intervals mean."""

    title: str
    models: tuple[str, ...]
    tasks: tuple[TaskResult, ...]
    baselines: tuple[str, ...] = ()  # those of `models` that are baselines
    part: str = "test"
    split: str = ""
    intervals: str = ""  # "95 % bootstrap over test molecules"
    note: str = ""


@dataclass(frozen=True)
class Difference:
    """`first` minus `second`, paired over seeds or molecules."""

    first: str
    second: str
    task: str
    metric: str
    direction: Direction
    estimate: Estimate
    unit: str = ""
    pairs: int = 0
    paired_over: str = "seeds"

    @property
    def outcome(self) -> Outcome:
        """For `first`: better or worse when the interval leaves zero out, else undecided."""
        low, high = self.estimate.low, self.estimate.high
        if low is None or high is None or low <= 0 <= high:
            return "undecided"
        return "better" if (high < 0) == (self.direction == "lower") else "worse"


@dataclass(frozen=True)
class Parity:
    """Measured against predicted, with bars where `low` and `high` are given. `shown`: which points, if not all."""

    task: str
    model: str
    measured: tuple[float, ...]
    predicted: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    bars: str = ""  # what the bars are: "90 % conformal interval"
    unit: str = ""
    part: str = "test"
    molecules: tuple[int, ...] = ()
    total: int = 0
    shown: str = ""
    scores: tuple[KeyNumber, ...] = ()
    bounds: tuple[
        int, ...
    ] = ()  # of censored measurements: 0 exact, +1 the truth is above, -1 below; empty where none is


@dataclass(frozen=True)
class Line:
    """A named curve, with the area under it where that has a meaning."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    area: Estimate | None = None


@dataclass(frozen=True)
class BinaryCurves:
    """ROC and precision-recall curves of several models on one binary task."""

    task: str
    roc: tuple[Line, ...]
    precision_recall: tuple[Line, ...]
    positives: int
    negatives: int
    part: str = "test"


@dataclass(frozen=True)
class Reliability:
    """Classes: mean predicted probability and observed frequency for each bin."""

    task: str
    model: str
    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    count: tuple[int, ...]
    expected_error: float | None = None
    part: str = "test"
    note: str = ""


@dataclass(frozen=True)
class Coverage:
    """Share of measurements inside intervals of each nominal level; `used`: the level of the report's bars."""

    task: str
    model: str
    wanted: tuple[float, ...]
    reached: tuple[float, ...]
    count: int
    used: float | None = None
    used_reached: float | None = None
    mean_width: float | None = None
    unit: str = ""
    part: str = "test"
    note: str = ""


@dataclass(frozen=True)
class SetCoverage:
    """Conformal sets of classes: the share of measurements whose set holds the truth, and how large the sets are."""

    task: str
    model: str
    wanted: float
    reached: Estimate
    mean_size: float
    empty: float  # share of sets without any class
    classes: int
    count: int
    calibrated_on: int
    part: str = "test"


@dataclass(frozen=True)
class MoleculeCard:
    """One drawn molecule with what was measured and predicted. For classes, values are probabilities."""

    molecule: int
    predicted: Estimate
    measured: float | None = None
    note: str = ""
    bound: int = 0  # of a censored measurement: +1 the truth is above, -1 below


@dataclass(frozen=True)
class Gallery:
    """Drawn molecules of one task, chosen by a stated rule ("the 8 largest absolute errors")."""

    title: str
    task: str
    model: str
    rule: str
    cards: tuple[MoleculeCard, ...]
    unit: str = ""
    part: str = "test"


@dataclass(frozen=True)
class Colouring:
    """One way to colour the map: numbers (`values`), or classes (`values` are positions in `categories`)."""

    name: str
    values: tuple[float | None, ...]
    categories: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class EmbeddingMap:
    """Embeddings of molecules laid out in the plane."""

    title: str
    method: str  # "t-SNE of the first 30 principal components, perplexity 30"
    x: tuple[float, ...]
    y: tuple[float, ...]
    molecules: tuple[int, ...]
    colourings: tuple[Colouring, ...] = ()
    total: int = 0
    shown: str = ""
    note: str = ""


@dataclass(frozen=True)
class PredictedLabel:
    """A column of the predictions table."""

    name: str
    unit: str = ""
    kind: str = "regression"


@dataclass(frozen=True)
class PredictedRow:
    """Predictions for one molecule, one estimate for each label; `problem` says why there are none.

    `similarity`: Tanimoto similarity of the nearest training molecule, 0 to 1.
    """

    molecule: int
    values: tuple[Estimate, ...] = ()
    problem: str = ""
    similarity: float | None = None


@dataclass(frozen=True)
class Predictions:
    """Molecules that no training saw, with predictions and intervals."""

    title: str
    labels: tuple[PredictedLabel, ...]
    rows: tuple[PredictedRow, ...]
    intervals: str = ""
    total: int = 0
    shown: str = ""


@dataclass(frozen=True)
class SweptLine:
    """Measured values over one quantity, and a law drawn through them.

    Attributes:
        name: Of the line.
        x: Rising.
        y: One estimate for each x.
        law_x, law_y: Points of the law; empty for none.
        law: The law in words or as a formula.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[Estimate, ...]
    law_x: tuple[float, ...] = ()
    law_y: tuple[float, ...] = ()
    law: str = ""


@dataclass(frozen=True)
class Sweep:
    """One panel: how something changes with a quantity that was varied; both axes logarithmic where all values are positive."""

    title: str
    x_name: str
    y_name: str
    lines: tuple[SweptLine, ...]
    log_y: bool = True
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture with what it shows. `png`: base64; `views`: how many lie side by side and one above the other, of which the page shows one."""

    title: str
    png: str
    note: str = ""
    views: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Text:
    """A block of text to read or copy: a recipe as TOML, a command."""

    title: str
    text: str


@dataclass(frozen=True)
class Reference:
    """Something to cite."""

    key: str
    text: str
    bibtex: str = ""
    url: str = ""


@dataclass(frozen=True)
class Reproduce:
    """How to get these numbers again."""

    commands: tuple[Text, ...] = ()
    recipes: tuple[Text, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()  # (name, value): versions, seed, hashes, device, wall time, memory
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Report:
    """Everything that report.html shows; `items` is what the data are made of, `test_items` what is tested if that differs (wells of fields)."""

    title: str
    summary: Summary
    subtitle: str = ""
    created: str = ""  # ISO time, UTC
    data: tuple[DataSummary, ...] = ()
    training: tuple[LearningCurves, ...] = ()
    results: tuple[ResultTable, ...] = ()
    differences: tuple[Difference, ...] = ()
    parity: tuple[Parity, ...] = ()
    binary: tuple[BinaryCurves, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    sets: tuple[SetCoverage, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    maps: tuple[EmbeddingMap, ...] = ()
    predictions: tuple[Predictions, ...] = ()
    pictures: tuple[Picture, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    items: str = "molecules"
    test_items: str = ""
    reproduce: Reproduce = Reproduce()
    molecules: tuple[Molecule, ...] = ()

    @property
    def tested(self) -> str:
        """What models are measured on, in words."""
        return self.test_items or self.items

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dictionaries with the format number; NaN and infinity become None, six digits are kept."""
        return {"format": FORMAT, **_plain(asdict(self))}

    def write(self, path: Path) -> Path:
        """Write report.json; after a crash it is either the old file or the new one."""
        path = Path(path)
        write_durably(path, json_text(self.to_json(), compact=True))
        return path

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read report.json.

        Raises:
            DataError: It is missing, damaged, or no report.
        """
        try:
            return cls.from_json(json.loads(Path(path).read_bytes()))
        except FileNotFoundError as error:
            raise DataError(f"there is no {path}; `hooke quickstart` and `hooke benchmark` write it") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is damaged: {error}") from error

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Report:
        """The report back from what `to_json` gave.

        Raises:
            DataError: It was written by a newer version, or is no report.
        """
        from pydantic import TypeAdapter, ValidationError

        if not isinstance(value, Mapping) or "format" not in value:
            raise DataError("this is not a report.json: it names no format")
        if value["format"] != FORMAT:
            raise DataError(
                f"report.json has format {value['format']!r}; this version of hooke reads {FORMAT}: upgrade it"
            )
        try:
            report = TypeAdapter(cls).validate_python({key: part for key, part in value.items() if key != "format"})
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5]]
            raise DataError(f"report.json does not fit its schema: {'; '.join(problems)}") from error
        _check_molecules(report)
        return report


def _check_molecules(report: Report) -> None:
    """Every molecule that a section means must be there."""
    used = [number for parity in report.parity for number in parity.molecules]
    used += [card.molecule for gallery in report.galleries for card in gallery.cards]
    used += [number for drawn in report.maps for number in drawn.molecules]
    used += [row.molecule for predictions in report.predictions for row in predictions.rows]
    if used and not 0 <= min(used) <= max(used) < len(report.molecules):
        raise DataError(f"report.json names molecule {max(used)} (or a negative one) but holds {len(report.molecules)}")


def _plain(value: Any) -> Any:
    """Tuples to lists, numpy scalars to numbers, NaN and infinities to None, floats to six significant digits."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    value = value.item() if hasattr(value, "item") else value  # of numpy
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
