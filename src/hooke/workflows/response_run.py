"""Runs of `hooke response fit` in the common verbs: `hooke predict`, `hooke embed`, `hooke.load`.

The output of `predict` holds the columns that were given, and for each row `kind` (of question), `model` (which answered), `fallback` (why it is
the mean response), every read-out with the change from control, `<read-out>_lower` and `<read-out>_upper` (conformal intervals, 90 %; null
for kinds of question with too few conditions to calibrate on), and `reason`. Vectors are those of the network that was chosen; models in closed
form have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from hooke.cells.response_spec import ResponseSpec
from hooke.core.errors import UsageError
from hooke.core.hashing import content_hash
from hooke.core.options import chosen
from hooke.core.runs import RunFolder
from hooke.core.types import Batch, Chunk
from hooke.encoders import Encoder
from hooke.estimators.responses import ResponseModel
from hooke.inference.loaded import beside
from hooke.inference.stream import StreamReport, computed, stream
from hooke.modalities import readable
from hooke.modalities.perturbations.source import FALLBACK, AskedOptions
from hooke.workflows.response_fit import CHOICES
from hooke.workflows.response_predict import Answers, AskedResponses

if TYPE_CHECKING:
    from hooke.workflows.response_networks import ResponseNetwork

MODALITY = "perturbations"
_WORDS = ("kind", "model", FALLBACK)


def is_fitted_screen(folder: Path | str) -> bool:
    """Whether a run, or the newest finished one of a folder of runs, is one of `hooke response fit`."""
    folder = Path(folder)
    return (folder / CHOICES).is_file() or (
        not (folder / "run.json").exists() and any(folder.glob(f"*/{CHOICES}")) and RunFolder.open(folder).path(CHOICES).is_file()
    )  # fmt: skip


@dataclass(frozen=True)
class ResponseRun(Encoder):
    """A run of `hooke response fit` as a predictor, and as an encoder where a network was chosen.

    Attributes:
        answers: Its models.
    """

    answers: Answers

    @classmethod
    def open(cls, folder: Path | str) -> ResponseRun:
        """Load a run; a folder of runs stands for its newest finished one.

        Raises:
            DataError: It is no run of this kind, or damaged.
        """
        return cls(Answers.open(folder))

    def __repr__(self) -> str:
        chosen_models = ", ".join(f"{kind}: {name}" for kind, name in self.answers.choices.items())
        return (
            f"ResponseRun({str(self.answers.folder.folder)!r}: {len(self.answers.genes):,} read-outs; {chosen_models})"
        )

    @property
    def modality(self) -> str:
        """The kind of data."""
        return MODALITY

    @cached_property
    def network(self) -> ResponseNetwork:
        """The first chosen network, alone or as a residual.

        Raises:
            UsageError: None was chosen: models in closed form have no vectors.
        """
        for name in self.answers.choices.values():
            model = self.answers.models[name]
            if not isinstance(model, ResponseModel) and model.networks:
                return model
        names = ", ".join(sorted({*self.answers.choices.values()}))
        raise UsageError(
            f"{self.answers.folder.folder} chose {names}, in closed form, which has no vectors to give: `hooke response fit --networks txpert` "
            "compares networks as well, and `hooke fit txpert` trains one"
        )

    @property
    def spec(self) -> ResponseSpec:
        """That of the network."""
        assert self.network.spec is not None
        return self.network.spec

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        module: Any = self.network.networks[0]
        return int(module.encoder.width)

    def vectors(self, batch: Batch, options: Any = None) -> np.ndarray:
        """(conditions, width) float32 of the first member's encoder."""
        return self.network.ensemble.embed(batch)

    @cached_property
    def model_hash(self) -> str:
        """Of everything that a prediction depends on."""
        run = self.answers.folder
        return content_hash([[run.info.get("files", {})], dict(self.answers.choices)])

    def stamp(self) -> dict[str, Any]:
        """What is written into every file that the run makes."""
        info = self.answers.folder.info
        return {
            "run": self.answers.folder.folder.name, "model_hash": self.model_hash, "data_hash": info["data_hash"],
            "versions": info["versions"],
        }  # fmt: skip

    def predict(self, given: Any, *, uncertainty: bool = True, **options: Any) -> Any:
        """Predictions in memory, with the columns of `hooke predict`; every given row has its row, in order.

        Args:
            given: Texts such as "A" and "A+B", a pandas or polars table with a column perturbation, or a file.
            uncertainty: With intervals.
            options: context, of rows that state none.

        Returns:
            A polars table, or a pandas one beside what was given in pandas.

        Raises:
            UsageError: An option that there is none of.
        """
        alone = isinstance(given, str) and not Path(given).exists()
        source, columns = self._asked([given] if alone else given, uncertainty, options)
        found = pl.from_arrow(pa.concat_tables(computed(source, columns, workers=0)))
        assert isinstance(found, pl.DataFrame)
        return beside(given, found)

    def predict_file(
        self, source: Any, output: Path, *, uncertainty: bool = True, batch_size: int | None = None, resume: bool = True,
        show_progress: bool = True, escape_formulas: bool = False, **options: Any,
    ) -> StreamReport:  # fmt: skip
        """Predict a table, streamed and resumable; see `hooke.inference.predict.predict`, of which these are the options that belong here.

        Raises:
            UsageError: An option of other runs.
            DataError: The table or the disk is at fault.
        """
        asked, columns = self._asked(source, uncertainty, options, batch_size)
        identity = {"verb": "predict", "options": options, "uncertainty": uncertainty}
        return stream(
            asked, Path(output), columns, self.stamp(), identity, workers=0, resume=resume, show_progress=show_progress, doing="predicting",
            escape_formulas=escape_formulas,
        )  # fmt: skip

    def _asked(
        self, given: Any, uncertainty: bool, options: Mapping[str, Any], batch_size: int | None = None
    ) -> tuple[AskedResponses, ResponseColumns]:  # fmt: skip
        modality = readable(MODALITY, "predict")
        taken: AskedOptions = chosen(modality, options)
        source = AskedResponses(given, self.answers.contexts, taken, batch_size or modality.batch_size)
        return source, ResponseColumns(self.answers, uncertainty)


class ResponseColumns:
    """The columns of a fitted screen's predictions; see `inference.stream.Columns`.

    Args:
        answers: Of the run.
        uncertainty: With intervals.
    """

    on_gpu = False
    facts: Mapping[str, Any] = {}
    counted: Sequence[str] = _WORDS[:2]

    def __init__(self, answers: Answers, uncertainty: bool) -> None:
        self._answers, self._uncertainty = answers, uncertainty and bool(answers.half_widths)

    @cached_property
    def schema(self) -> pa.Schema:
        """Question, model and fallback, then the read-outs."""
        ends = ("", "_lower", "_upper") if self._uncertainty else ("",)
        words = [pa.field(name, pa.string()) for name in _WORDS]
        return pa.schema(
            [*words, *(pa.field(f"{gene}{end}", pa.float32()) for gene in self._answers.genes for end in ends)]
        )

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """See `Columns.compute`."""
        asked: Any = chunk.batches  # conditions with structures
        found = [self._answers.predict(*each) for each in asked]
        values = np.concatenate([each.values for each in found]) if found else np.zeros((0, len(self._answers.genes)))
        kinds, models, fallbacks = (
            [text for each in found for text in getattr(each, name)] for name in ("kinds", "models", "fallbacks")
        )
        columns = [pa.array(texts, pa.string()) for texts in (kinds, models, fallbacks)]
        nothing = np.full(values.shape[1], np.nan)
        width = np.array([self._answers.half_widths.get(kind, nothing) for kind in kinds]).reshape(values.shape)
        for gene in range(values.shape[1]):
            several = (values, values - width, values + width) if self._uncertainty else (values,)
            columns += [pa.array(each[:, gene].astype(np.float32)) for each in several]
        return columns, {}
