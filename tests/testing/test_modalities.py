"""The kit finds modalities that are wrong in one way each: a sound one of which one answer is changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from hooke.core import registry
from hooke.core.recipe import resolve
from hooke.core.types import Chunk
from hooke.datasets import pocketmix
from hooke.evaluate.splits import Split
from hooke.modalities import Modality, Sample, Symmetry
from hooke.modalities.molecules import Molecules, MoleculeSource
from hooke.molecules.batch import MoleculeBatch
from hooke.nn.contract import ContractError
from hooke.testing import check_modality
from hooke.testing.modalities import (
    check_batch,
    check_chunk,
    check_data_alone,
    check_learning,
    check_loaders,
    check_network,
    check_reading,
    check_sample,
    check_statements,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))


def test_a_sound_modality_passes(tmp_path: Path) -> None:
    check_modality(Molecules(), tmp_path)


@dataclass
class Thawed:
    width: int = 1


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ({"items": ""}, "states no items"),
        ({"unit": ""}, "states no unit"),
        ({"levels": ()}, "its levels"),
        ({"levels": ("graph", "graph")}, "its levels"),
        ({"sections": {"encodings": Thawed}}, "the section encodings is not frozen"),
        ({"trainable": False}, "not whether it is a Trainable"),
        ({"splits": {"random": 3}}, "no function"),
        ({"estimators": ("oracle",)}, "no estimators oracle"),
        ({"options": Thawed}, "options is not frozen"),
        ({"listed": ("graph",)}, "none of those below items"),
    ],
)
def test_statements(statements: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_statements(type("Wrong", (Molecules,), statements)())
    with pytest.raises(ContractError, match="is no hooke"):
        check_statements("molecules")  # type: ignore[arg-type]


class Alone(Modality):
    """Data alone."""

    name, items, levels = "molecules", "things", ("thing",)

    def open(self, folder: Path) -> Any:
        raise NotImplementedError

    describe = sample = open


def test_data_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registered one must be refused by the verbs; "molecules" are not."""
    with pytest.raises(ContractError, match="training on data alone is not refused"):
        check_data_alone(Alone())
    monkeypatch.setattr(registry.module("modalities", "molecules"), "MODALITY", Alone())
    check_modality("molecules", tmp_path)


class Wrong(Molecules):
    """`fault` changes one answer."""

    fault = ""

    def sample(self, seed: int = 0) -> Sample:
        sound = super().sample(0 if self.fault == "seedless" else seed)
        if self.fault == "levels":
            return replace(sound, spec=replace(sound.spec, labels=sound.spec.labels[:5]))
        if self.fault == "places":
            return replace(sound, batch=lambda places, spec: sound.batch(sorted(places), spec))
        return sound

    @property
    def splits(self) -> Any:
        rows = np.arange(10)
        both = {"random": lambda store, section: Split(rows, rows[:1], rows[:0])}
        return {**Molecules.splits, **both} if self.fault == "splits" else Molecules.splits

    def read_spec(self, run: Any) -> Any:
        spec = super().read_spec(run)
        return replace(spec, labels=spec.labels[1:]) if self.fault == "read_spec" else spec

    def usable(self, store: Any, rows: np.ndarray, recipe: Any) -> np.ndarray:
        return rows[:0] if self.fault == "usable" else super().usable(store, rows, recipe)

    def identify(self, store: Any, rows: np.ndarray) -> dict[str, Any]:
        return {"smiles": []} if self.fault == "identify" else super().identify(store, rows)

    def groups(self, store: Any, rows: np.ndarray) -> np.ndarray:
        return super().groups(store, rows) + (self.fault == "groups")

    def epoch_items(self, rows: np.ndarray, recipe: Any, store: Any) -> int:
        return super().epoch_items(rows, recipe, store) + (self.fault == "epoch_items")

    def features(self, batch: Any) -> np.ndarray:
        features = super().features(batch)
        return features[1:] if self.fault == "features" else features

    def start(self, network: Any, weights: Any, recipe: Any, number: int) -> None:
        if self.fault != "start":
            super().start(network, weights, recipe, number)

    def loader(self, store: Any, rows: np.ndarray, spec: Any, recipe: Any, *, part: str, **options: Any) -> Any:
        rows = {"lost row": rows[1:], "order": rows[::-1]}.get(self.fault, rows) if part == "valid" else rows
        if self.fault == "shared":
            options.update(rank=0, world=1)
        if self.fault == "labels":
            whole = store
            store = copy.copy(whole)
            store.read = lambda rows: _without_a_label(whole.read(rows))
        loader = super().loader(store, rows, spec, recipe, part=part, **options)
        return _Loader(loader, self.fault) if self.fault in ("length", "start anew") else loader

    def vectors(self, network: Any, batch: Any, options: Any) -> Any:
        vectors = super().vectors(network, batch, options)
        return vectors[:-1] if self.fault == "vectors" else vectors

    def fingerprints(self, batch: Any) -> Any:
        bits = super().fingerprints(batch)
        return bits.astype(float) if self.fault == "fingerprints" else bits

    def source(self, *args: Any, **options: Any) -> Any:
        sound = super().source(*args, **options)
        if self.fault in ("row_count", "rows_a_job"):
            kind = _Source if self.fault == "row_count" else _Short
            return kind(sound.rows, sound.how, sound.batch_size)
        if self.fault == "travel":
            vars(sound)["open"] = lambda: None
        return sound


def _without_a_label(molecules: Any) -> Any:
    return replace(molecules, targets={level: rows[:, 1:] for level, rows in molecules.targets.items()})


class _Source(MoleculeSource):
    def row_count(self) -> int:
        return 3


class _Short(MoleculeSource):
    rows_a_job = 5


@dataclass
class _Loader:
    loader: Any
    fault: str

    def __len__(self) -> int:
        return len(self.loader) + (self.fault == "length")

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        return self.loader.epoch(number, 0 if self.fault == "start anew" else start)


@pytest.fixture(scope="module")
def learning(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """The example, a twin, its spec and some rows."""
    folder, sound = tmp_path_factory.mktemp("learning"), Molecules()
    recipe = resolve(sound.example)
    store = pocketmix.Dataset(recipe.data.config).twin(folder)
    return recipe, store, *check_learning(sound, recipe, store, folder)


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("", "sample", ""),
        ("seedless", "sample", "another seed gives the same sample"),
        ("levels", "sample", "labels of .'graph'., not of"),
        ("places", "sample", "the rows of the places"),
        ("", "learning", ""),
        ("read_spec", "learning", "another spec"),
        ("usable", "learning", "none of the training rows"),
        ("identify", "learning", "0 values of 'smiles'"),
        ("groups", "learning", "count from 0"),
        ("splits", "learning", "'random' overlap"),
        ("", "loaders", ""),
        ("epoch_items", "loaders", "epoch_items says 21"),
        ("labels", "loaders", "node targets do not have"),
        ("lost row", "loaders", "valid: the batches hold other rows"),
        ("order", "loaders", "valid: the rows come in another order"),
        ("shared", "loaders", "valid: two processes do not share"),
        ("length", "loaders", "train: 3 batches, the loader says 4"),
        ("start anew", "loaders", "train: an epoch begun at its second batch"),
        ("", "network", ""),
        ("features", "network", "features are not one row an item"),
        ("start", "network", "started from another"),
        ("", "reading", ""),
        ("vectors", "reading", "vectors are not one row"),
        ("fingerprints", "reading", "fingerprints are not"),
        ("row_count", "reading", "row_count says 3"),
        ("rows_a_job", "reading", "rows of a job, of 5"),
        ("travel", "reading", "cannot be sent to another process"),
    ],
)
def test_each_fault_is_found(learning: Any, tmp_path: Path, fault: str, check: str, message: str) -> None:
    recipe, store, spec, rows = learning
    rows = np.arange(len(rows))
    wrong = type("Wrong", (Wrong,), {"fault": fault})()
    calls: dict[str, Callable[[], Any]] = {
        "sample": lambda: check_sample(wrong),
        "learning": lambda: check_learning(wrong, recipe, store, tmp_path),
        "loaders": lambda: check_loaders(wrong, recipe, store, spec, rows),
        "network": lambda: check_network(wrong, recipe, store, spec, rows),
        "reading": lambda: check_reading(wrong, store, spec, SimpleNamespace(embed=lambda batch: batch.rows[:, None])),
    }
    if not message:
        calls[check]()
        return
    with pytest.raises(ContractError, match=message):
        calls[check]()


def _lazy(batch: MoleculeBatch, generator: np.random.Generator) -> Any:
    return batch, lambda level, values: values


def _forgetful(batch: MoleculeBatch, generator: np.random.Generator) -> Any:
    return replace(batch, targets={level: rows.flip(0) for level, rows in batch.targets.items()}), _lazy(
        batch, generator
    )[1]


@pytest.mark.parametrize(
    ("change", "message"), [(_lazy, "changes nothing"), (_forgetful, "graph does not follow the turn")]
)
def test_symmetries(change: Callable, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_sample(type("Wrong", (Molecules,), {"symmetries": (Symmetry("turn", change),)})())


class Stuck(MoleculeBatch):
    def to(self, device: Any, **options: Any) -> MoleculeBatch:
        return replace(super().to(device, **options), rows=self.rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batch: {}, ""),
        (lambda batch: {"rows": batch.rows.int()}, "rows are not"),
        (lambda batch: {"targets": {"field": batch.targets["graph"]}}, "'field', which is none of"),
        (lambda batch: {"targets": {"graph": batch.targets["graph"][:, :1]}}, "graph targets do not have 5 columns"),
        (lambda batch: {"targets": {"graph": batch.targets["graph"].long()}}, "are torch.int64"),
        (lambda batch: {"targets": {"graph": batch.targets["graph"][1:]}}, "not one row an item"),
    ],
)
def test_batches(change: Callable, message: str) -> None:
    sample = Molecules().sample()
    batch = sample.batch(range(4), sample.spec)
    changed = replace(batch, **change(batch))
    if not message:
        check_batch(Molecules(), changed, sample.spec)
        return
    with pytest.raises(ContractError, match=message):
        check_batch(Molecules(), changed, sample.spec)


def test_batches_must_move() -> None:
    sample = Molecules().sample()
    stuck = Stuck(**vars(sample.batch(range(4), sample.spec)))
    with pytest.raises(ContractError, match="`to` leaves rows where it was"):
        check_batch(Molecules(), stuck, sample.spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda chunk: {}, ""),
        (lambda chunk: {"table": chunk.table.select([0])}, "columns"),
        (lambda chunk: {"batches": iter(chunk.batches)}, "only once"),
        (lambda chunk: {"owners": ()}, "without owners"),
        (lambda chunk: {"owners": (chunk.owners[0][1:],)}, "1 owners for 2 members"),
        (lambda chunk: {"owners": (chunk.owners[0][::-1],)}, "ascend"),
        (lambda chunk: {"owners": (np.array([0, 3]),)}, "no row of the chunk"),
        (lambda chunk: {"reasons": {}}, "no reason"),
        (lambda chunk: {"parts": {"node": np.ones(3)}}, "parts of 'node'"),
        (lambda chunk: {"parts": {"well": np.ones(2)}}, "parts of 'well'"),
    ],
)
def test_chunks(change: Callable, message: str) -> None:
    modality = Molecules()
    source = modality.source(["CC", "no molecule", "CO"], modality.sample().spec, modality.options(), batch_size=1)
    [chunk] = [source.chunk(source.prepare(job)) for job in source.jobs()]
    changed: Chunk = replace(chunk, **change(chunk))
    if not message:
        check_chunk(modality, changed, source)
        return
    with pytest.raises(ContractError, match=message):
        check_chunk(modality, changed, source)
    assert isinstance(next(iter(chunk.batches)).rows, torch.Tensor)
