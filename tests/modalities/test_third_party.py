"""The proof: a modality that nobody here has (short DNA with a measured value), plugged in as a third party would, through every verb."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import hooke
from hooke.core.cards import Card
from hooke.core.errors import UsageError
from hooke.core.hashing import content_hash
from hooke.core.label import Label
from hooke.core.loader import RowLoader
from hooke.core.rows import RowsSource
from hooke.core.types import Chunk, LabelledSpec
from hooke.datasets import Dataset
from hooke.estimators import LabelwiseEstimator
from hooke.evaluate.moments import Moments
from hooke.evaluate.splits import random_split
from hooke.modalities import Description, Readable, Sample, Trainable
from hooke.nn.task import Task
from hooke.report.data_schema import DataSummary
from hooke.testing import ContractError, check_dataset, check_estimator, check_modality, check_model, check_task

LETTERS, LEVEL = "ACGT", "sequence"


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.sequences, self.values = json.loads((self.folder / "dna.json").read_text())
        self.content_hash = content_hash([self.sequences, self.values])

    def __len__(self) -> int:
        return len(self.sequences)


@dataclass(frozen=True)
class Batch:
    codes: Tensor  # (n, longest) int64; 4 = padding
    rows: Tensor
    targets: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, sequences: Sequence[str], rows: Any, values: Sequence[float] | None = None) -> Batch:
        codes = torch.full((len(sequences), max(map(len, sequences))), len(LETTERS))
        for row, text in enumerate(sequences):
            codes[row, : len(text)] = torch.tensor([LETTERS.index(letter) for letter in text])
        targets = {} if values is None else {LEVEL: torch.tensor(values, dtype=torch.float32)[:, None]}
        return cls(codes, torch.as_tensor(np.asarray(rows, np.int64)), targets)

    @property
    def num_items(self) -> int:
        return len(self.codes)

    def to(self, device: Any) -> Batch:
        return Batch(self.codes.to(device), self.rows.to(device), {k: v.to(device) for k, v in self.targets.items()})

    def item_keys(self, axis: str) -> tuple[Tensor, None]:
        return self.rows, None


@dataclass(frozen=True)
class Config:
    width: int = 16


class Encoder(nn.Module):
    modality: ClassVar[str] = "dna"
    safe: ClassVar[bool] = True

    def __init__(self, config: Config, spec: LabelledSpec) -> None:
        super().__init__()
        self.width = config.width
        self.pairs = nn.Embedding(len(LETTERS) ** 2, config.width)

    def forward(self, batch: Batch) -> Tensor:
        known, codes = batch.codes < len(LETTERS), batch.codes.clamp(max=len(LETTERS) - 1)
        rows = self.pairs(codes[:, :-1] * len(LETTERS) + codes[:, 1:]) * (known[:, 1:] & known[:, :-1])[..., None]
        return rows.sum(1) / (known.sum(1, keepdim=True) if self.safe else codes.shape[1])

    embed = forward


class Padded(Encoder):
    safe: ClassVar[bool] = False  # broken: what a sequence is told depends on the longest one of its batch


class Network(nn.Module):
    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(encoder.width, 1)
        self.register_buffer("scale", torch.tensor([0.0, 1.0]))

    def embed(self, batch: Batch) -> Tensor:
        return self.encoder.embed(batch)

    def forward(self, batch: Batch) -> Tensor:
        return self.head(self.encoder(batch))


class Regression(Task):
    modality = "dna"

    def network(self, encoder: nn.Module) -> Network:
        network = Network(encoder)
        for found in self.spec.statistics.values():
            network.scale.copy_(torch.tensor([found.mean[0], found.std[0]]))
        return network

    def losses(self, network: Any, batch: Any, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        found = network(batch)
        target = (batch.targets[LEVEL].to(found) - network.scale[0]) / network.scale[1]
        known = ~target.isnan()
        return {"loss": (known * (found - target.nan_to_num()) ** 2).sum() / known.sum().clamp(min=1)}

    def columns(self, level: str) -> list[str]:
        return [label.name for label in self.spec.labels if level == LEVEL]

    @torch.no_grad()
    def predict(self, network: Any, batch: Any) -> dict[str, Tensor]:
        return {LEVEL: network(batch) * network.scale[1] + network.scale[0]}


class Line(LabelwiseEstimator):
    modality = "dna"

    def _learn(
        self, features: np.ndarray, rows: Any, values: np.ndarray, classes: int, seed: int
    ) -> dict[str, np.ndarray]:
        known = np.eye(classes)[values.astype(int)] if classes else values[:, None]
        return {"line": np.linalg.lstsq(np.c_[features[rows], np.ones(len(rows))], known, rcond=None)[0]}

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        found = np.c_[features, np.ones(len(features))] @ self.learnt[number]["line"]
        if found.shape[1] > 1:
            found = found.clip(1e-6) / found.clip(1e-6).sum(axis=1, keepdims=True)
        return found, np.zeros_like(found)


@dataclass(frozen=True)
class Options:
    rows: int = 160
    seed: int = 0


class Sequences(Dataset):
    def prepare(self, folder: Path, how: Any = None) -> Store:
        draw = np.random.default_rng(self.config.seed)
        made = ["".join(draw.choice(list(LETTERS), draw.integers(4, 20))) for _ in range(self.config.rows)]
        place = Path(folder) / f"dna-{self.config.rows}-{self.config.seed}"
        place.mkdir(parents=True, exist_ok=True)
        values = [text.count("GC") / len(text) + 0.02 * draw.normal() for text in made]
        (place / "dna.json").write_text(json.dumps([made, values]))
        return Store(place)

    def twin(self, folder: Path, seed: int = 0) -> Store:
        return Sequences(Options(40, seed)).prepare(folder)


def read(table: pa.Table) -> Chunk:
    texts = table["sequence"].to_pylist()
    good = [row for row, text in enumerate(texts) if text and set(text) <= set(LETTERS)]
    batches = [Batch.of([texts[row] for row in good], range(len(good)))] if good else []
    reasons = {row: "no DNA" for row in range(len(texts)) if row not in good}
    return Chunk(table, batches, (np.array(good, np.int64),), reasons=reasons)


class Dna(Trainable, Readable):
    name, items, unit, levels = "dna", "sequences", "sequences", (LEVEL,)
    estimators = ("mean", "dna_line")
    example: ClassVar[Any] = {
        "data": {"name": "dna_made_up"},
        "model": {"name": "dna_pairs"},
        "task": {"name": "dna_regression"},
    }
    splits: ClassVar[Mapping[str, Any]] = {
        "random": lambda store, how: random_split(len(store), generator=np.random.default_rng(how.seed))
    }

    def open(self, folder: Path) -> Store:
        return Store(folder)

    def describe(self, store: Store) -> Description:
        return Description({"store": store.folder}, "", DataSummary("dna", rows_read=len(store), rows_kept=len(store)))

    def sample(self, seed: int = 0) -> Sample:
        def batch(places: Sequence[int], spec: LabelledSpec) -> Batch:
            return Batch.of([texts[place] for place in places], places, [float(place + seed) for place in places])

        texts = ("ACGT", "GC", "GGGTTTACA", "TTGCTTTTTTTTTTTTTTTA", "CAT")
        return Sample(LabelledSpec((Label("activity", LEVEL),)), len(texts), batch)

    def spec(self, store: Store, rows: np.ndarray, recipe: Any) -> LabelledSpec:
        return LabelledSpec(
            (Label("activity", LEVEL),), {LEVEL: Moments.of(np.array(store.values)[rows, None]).statistics()}
        )

    def loader(
        self, store: Store, rows: np.ndarray, spec: Any, recipe: Any, *, part: str, seed: Any = None, **which: int
    ) -> RowLoader[Batch]:
        def load(some: np.ndarray) -> Batch:
            return Batch.of([store.sequences[row] for row in some], some, [store.values[row] for row in some])

        return RowLoader(load, rows, recipe.train.batch_size, seed=seed, **which)

    def identify(self, store: Store, rows: np.ndarray) -> dict[str, Any]:
        return {"sequence": [store.sequences[row] for row in rows]}

    def features(self, batch: Batch) -> np.ndarray:
        return np.stack([(batch.codes == code).sum(1).numpy() for code in range(4)], axis=1).astype(float)

    def source(self, given: Any, spec: Any, options: Any, *, batch_size: int, workers: int = 0) -> RowsSource:
        return RowsSource.of(given.sequences if isinstance(given, Store) else given, read, column="sequence")


DNA = SimpleNamespace(MODALITY=Dna())
PAIRS = SimpleNamespace(Config=Config, PRESETS={"tiny": Config(8)}, Model=Encoder, __name__="dna_pairs")
PADDED = SimpleNamespace(Config=Config, PRESETS={"tiny": Config(8)}, Model=Padded, __name__="dna_padded")
REGRESSION = SimpleNamespace(Config=Config, Task=Regression, __name__="dna_regression")
LINE = SimpleNamespace(Config=Config, Estimator=Line, __name__="dna_line")
CARD = Card("dna_made_up", "Made up", "DNA", "dna", "a seed", "none", "", "160 sequences")
MADE_UP = SimpleNamespace(CARD=CARD, Config=Options, Dataset=Sequences, __name__="dna_made_up")
POINTS = {
    "modalities": {"dna": "DNA"}, "models": {"dna_pairs": "PAIRS", "dna_padded": "PADDED"},
    "tasks": {"dna_regression": "REGRESSION"}, "estimators": {"dna_line": "LINE"}, "datasets": {"dna_made_up": "MADE_UP"},
}  # fmt: skip


# ---- what a third party writes ends here; what it gets for it follows


@pytest.fixture(scope="module", autouse=True)
def plugged(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The plug-in as an installed distribution: entry points in a `.dist-info` folder on `sys.path`."""
    site = tmp_path_factory.mktemp("site")
    (site / "dna_plugin-1.0.dist-info").mkdir()
    (site / "dna_plugin-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: dna-plugin\nVersion: 1.0\n"
    )
    lines = [
        f"[hooke.{kind}]\n" + "".join(f"{n} = dna_plugin:{a}\n" for n, a in names.items())
        for kind, names in POINTS.items()
    ]
    lines[0] += "spectra = spectra_plugin\n"
    (site / "dna_plugin-1.0.dist-info" / "entry_points.txt").write_text("\n".join(lines))
    (site / "spectra_plugin.py").write_text(SPECTRA)
    (site / "dna_plugin.py").write_text(Path(__file__).read_text().split("# ---- what a third party")[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        patch.setenv("PYTHONPATH", str(site), prepend=":")
        patch.setenv("HOOKE_CACHE", str(site / "cache"))
        yield site


SPECTRA = """
from hooke.modalities import Modality


class Spectra(Modality):
    name = items = "spectra"
    open = describe = sample = lambda self, *_: None


MODALITY = Spectra()
"""
RECIPE = """
name = "dna"
data = {name = "dna_made_up"}
model = {name = "dna_pairs", width = 12}
task = {name = "dna_regression"}
train = {epochs = 12, batch_size = 16, learning_rate = 0.02, threads = 1, accelerator = "cpu", ensemble = 2, checkpoint_seconds = 0}
"""


@pytest.fixture(scope="module")
def recipe(plugged: Path) -> Path:
    (plugged / "dna.toml").write_text(RECIPE)
    return plugged / "dna.toml"


@pytest.fixture(scope="module")
def run(plugged: Path, recipe: Path) -> hooke.api.training.FittedRun:  # type: ignore[name-defined]
    return hooke.fit(recipe, runs=plugged / "runs", show_progress=False)


def test_the_definition_is_short_and_src_does_not_know_it() -> None:
    names = ("dna_made_up", "dna_pairs", "dna_line", "dna_regression")
    assert Path(__file__).read_text().split("# ---- what a third party")[0].count("\n") <= 250
    source = Path(hooke.__file__).parent
    assert not [path for path in source.rglob("*.py") if any(name in path.read_text() for name in names)]


def test_fit_and_report(run: Any) -> None:
    found = run.metrics["test"][LEVEL]["activity"]
    assert found["r2"] > 0.5
    report = json.loads((run.folder / "report.json").read_text())
    assert report["items"] == "sequences"
    assert set(report["results"][0]["baselines"]) == {"mean", "dna_line"}
    assert "sequences" in run.summary()


def test_kill_and_resume_give_the_same_bits(run: Any, plugged: Path, recipe: Path) -> None:
    code = (
        f"import hooke; hooke.fit({str(recipe)!r}, runs={str(plugged / 'killed')!r}, report=False, show_progress=False)"
    )
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", code])
        while process.poll() is None and not list((plugged / "killed").glob("*/*/members/*/state.pt")):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    [folder] = (
        path for path in (plugged / "killed" / "dna").iterdir() if path.is_dir()
    )  # beside it, a killed one's lock
    hooke.resume(folder, report=False, show_progress=False)
    for member in range(2):
        whole, again = (load_file(one / f"members/{member}/last.safetensors") for one in (run.folder, folder))
        assert all(torch.equal(value, again[name]) for name, value in whole.items())


def test_predict_and_embed(run: Any, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("GCGC\nAAAA\nno dna\nACGTGC\n")
    report = hooke.predict(run.folder, tmp_path / "new.txt", tmp_path / "p.parquet", domain=True, show_progress=False)
    assert (report.rows, report.done, report.rejected) == (4, 3, 1)
    table = pl.read_parquet(tmp_path / "p.parquet")
    assert table["reason"].to_list() == [None, None, "no DNA", None]
    known = table.filter(pl.col("reason").is_null())
    assert (known["activity_lower"] < known["activity"]).all()
    assert (known["activity_std"] > 0).all()
    assert known["activity"][0] > known["activity"][1]
    assert (known["embedding_distance"] >= 0).all()
    hooke.embed(run.folder, tmp_path / "new.txt", tmp_path / "e.parquet", show_progress=False)
    assert pl.read_parquet(tmp_path / "e.parquet")["embedding"].null_count() == 1
    assert hooke.load(run.folder).embed(["GCGC", "AAAA"]).shape == (2, 12)


def test_an_estimator_in_place_of_the_network(plugged: Path, recipe: Path, tmp_path: Path) -> None:
    found = hooke.fit(recipe, overrides=["model.name=dna_line"], runs=plugged / "runs", show_progress=False)
    (tmp_path / "new.txt").write_text("GCGC\nAAAA\n")
    hooke.predict(found.folder, tmp_path / "new.txt", tmp_path / "p.parquet", show_progress=False)
    assert pl.read_parquet(tmp_path / "p.parquet")["activity"].null_count() == 0


def test_finetune_starts_from_the_encoder(run: Any, plugged: Path, recipe: Path) -> None:
    changes = ["data.seed=1", "train.epochs=1", "train.ensemble=1"]
    tuned = hooke.finetune(
        run.folder, recipe, mode="probe", overrides=changes, runs=plugged / "tuned", report=False, show_progress=False
    )
    before, after = (load_file(one / "members/0/last.safetensors") for one in (run.folder, tuned.folder))
    assert torch.equal(
        load_file(run.folder / "members/0/best.safetensors")["encoder.pairs.weight"], after["encoder.pairs.weight"]
    )
    assert not torch.equal(before["head.weight"], after["head.weight"])


def test_benchmark_search_scale_and_dry_run(plugged: Path, recipe: Path) -> None:
    few = ["train.ensemble=1", "train.epochs=3"]
    result = hooke.benchmark(recipe, overrides=few, seeds=2, runs=plugged / "bench", show_progress=False)
    assert result.systems == ["from scratch", "mean", "dna_line"]
    assert "activity, random split" in result.table()
    (plugged / "space.toml").write_text('["model.width"]\nchoices = [8, 16]\n')
    how = {"overrides": few, "sampler": "random", "trials": 2, "runs": plugged / "search"}
    assert len(hooke.run_search(recipe, plugged / "space.toml", **how).trials) == 2
    (plugged / "grid.toml").write_text('[width]\n"model.width" = [4, 8]\n')
    scaled = hooke.run_scaling(
        recipe, plugged / "grid.toml", overrides=few, seeds=1, runs=plugged / "scale", show_progress=False
    )
    assert len(scaled.trials) == 2
    [plan, *_] = hooke.plan_training(recipe)
    assert plan.parameters > 0


def test_the_contract_kit(tmp_path: Path) -> None:
    check_modality("dna", tmp_path / "modality")
    check_model("dna_pairs")
    check_task("dna_regression")
    check_estimator("dna_line")
    check_dataset("dna_made_up", tmp_path / "data")
    with pytest.raises(ContractError, match="alone"):
        check_model("dna_padded")


def test_a_modality_of_data_alone_refuses_each_verb(plugged: Path) -> None:
    from hooke.modalities import readable, trainable

    for verb in ("fit", "finetune", "search", "scale", "benchmark"):
        with pytest.raises(UsageError, match=f"`hooke {verb}` does not apply to spectra"):
            trainable("spectra", verb)
    for verb in ("predict", "embed"):
        with pytest.raises(UsageError, match=f"`hooke {verb}` does not apply to spectra"):
            readable("spectra", verb)
