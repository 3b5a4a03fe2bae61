"""`check_modality`: what every kind of thing must do, on its sample and on the twin of a data set, from a store to embeddings.

A file in `modalities/` has `MODALITY`, a `hooke.modalities.Modality`: data alone, `Trainable`, `Readable` or both.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hooke.core import registry
from hooke.core.errors import HookeError
from hooke.core.json_text import json_text
from hooke.core.recipe import Recipe, SplitSection, resolve
from hooke.core.runs import RunFolder
from hooke.core.types import Batch, Chunk, Loader, Source, Spec, labels_of
from hooke.evaluate.splits import Split
from hooke.modalities import Modality, Readable, Sample, Trainable, readable, trainable
from hooke.modalities import modality as by_name
from hooke.nn.contract import ContractError, require, require_equal, require_refusal, seeded
from hooke.testing.contract import require_frozen
from hooke.testing.datasets import check_twin
from hooke.testing.models import require_following

ROWS = 20  # of a store that are learnt from
PARTS = ("train", "valid", "predict")


def check_modality(modality: Modality | str, folder: Path) -> None:
    """Check a modality, or the one of this name: its words, its sample, and what can be done with a store of it.

    Args:
        modality: A modality; a trainable one must be registered, as its models, tasks and data sets are.
        folder: Empty folder to work in.

    Raises:
        ContractError: The first promise that is broken.
    """
    modality = by_name(modality) if isinstance(modality, str) else modality
    check_statements(modality)
    if not isinstance(modality, Trainable):
        check_data_alone(modality)
        return
    check_sample(modality)
    recipe = resolve(modality.example)
    require(recipe.modality == modality.name, f"the example of {modality.name} is about {recipe.modality}")
    store = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config).twin(folder / "twin")
    check_twin(modality, store)
    spec, rows = check_learning(modality, recipe, store, folder)
    check_loaders(modality, recipe, store, spec, rows)
    network = check_network(modality, recipe, store, spec, rows)
    if isinstance(modality, Readable):
        check_reading(modality, store, spec, network)


def check_statements(modality: Modality) -> None:
    """Name, items, levels, and sections and options that are frozen and have defaults."""
    require(isinstance(modality, Modality), f"{modality!r} is no hooke.modalities.Modality")
    for word in ("name", "items", *(("unit", "example", "splits") if isinstance(modality, Trainable) else ())):
        require(bool(getattr(modality, word, "")), f"the modality states no {word}")
    require(len(set(modality.levels)) == len(modality.levels) > 0, f"its levels are {modality.levels}")
    for name, section in modality.sections.items():
        require_frozen(section, f"the section {name}")
    require(modality.trainable == isinstance(modality, Trainable), "`trainable` is not whether it is a Trainable")
    if isinstance(modality, Trainable):
        require(all(map(callable, modality.splits.values())), "a split is no function")
        unknown = {*modality.estimators} - {*registry.names("estimators")}
        require(not unknown, f"there are no estimators {', '.join(sorted(unknown))}")
    if isinstance(modality, Readable):
        require_frozen(modality.options, "options")
        require({*modality.listed} <= {*modality.levels[1:]}, "a listed level is none of those below items")


def check_data_alone(modality: Modality) -> None:
    """The verbs that need more refuse it by name."""
    if modality.name in registry.names("modalities"):
        require_refusal(partial(trainable, modality.name, "fit"), "training on data alone")
        if not isinstance(modality, Readable):
            require_refusal(partial(readable, modality.name, "predict"), "reading a file of data alone")


def check_sample(modality: Trainable) -> None:
    """Labels of all levels; the same batches for the same seed; parts of batches; symmetries that targets follow."""
    sample, spec = modality.sample(), modality.sample().spec
    require(isinstance(spec, Spec), "the spec of the sample is no core.types.Spec")
    levels = {label.level for label in spec.labels}
    require(levels == {*modality.levels}, f"the sample has labels of {sorted(levels)}, not of {modality.levels}")
    places = range(sample.items)
    whole = sample.batch(places, spec)
    require(_same(whole, modality.sample().batch(places, spec)), "the same seed gives another sample")
    require(not _same(whole, modality.sample(seed=1).batch(places, spec)), "another seed gives the same sample")
    for some in (places, places[::-1], places[1:2], *sample.odd.values()):
        _check_part(modality, sample, some)
    for symmetry in modality.symmetries:
        changed, follow = symmetry.change(whole, np.random.default_rng(0))
        check_batch(modality, changed, spec)
        require(not _same(changed, whole), f"a change of the {symmetry.name} changes nothing")
        require_following(whole.targets, changed.targets, follow, symmetry)


def _check_part(modality: Trainable, sample: Sample, places: Sequence[int]) -> None:
    batch, alone = sample.batch(places, sample.spec), [sample.batch([place], sample.spec) for place in places]
    check_batch(modality, batch, sample.spec)
    require(batch.rows.tolist() == [*places], f"the rows of the places {[*places]} are {batch.rows.tolist()}")
    for level, values in batch.targets.items():
        expected = torch.cat([item.targets[level] for item in alone])
        require_equal(values, expected, f"{level} targets of the places {[*places]} together", tolerance=0.0)


def check_batch(modality: Modality, batch: Any, spec: Spec) -> None:
    """Rows, a column of targets a label, `to`, and what the modality asks.

    Raises:
        ContractError: The first promise that is broken.
    """
    require(isinstance(batch, Batch), f"{type(batch).__name__} is no core.types.Batch")
    require(batch.rows.shape == (batch.num_items,) and batch.rows.dtype == torch.int64, "rows are not (items,) int64")
    for level, values in batch.targets.items():
        require(level in modality.levels, f"targets of the level {level!r}, which is none of {modality.levels}")
        columns = sum(label.width for label in labels_of(spec, level))
        require(values.ndim == 2 and values.shape[1] == columns, f"{level} targets do not have {columns} columns")
        require(values.is_floating_point(), f"{level} targets are {values.dtype}")
    first = batch.targets.get(modality.levels[0])
    require(first is None or len(first) == batch.num_items, f"{modality.levels[0]} targets are not one row an item")
    left = [name for name, tensor in _tensors(batch.to(torch.device("meta"))) if not tensor.is_meta]
    require(not left, f"`to` leaves {', '.join(left)} where it was")
    require(_same(batch.to(torch.device("cpu")), batch), "`to` changes the batch")
    for check in modality.checks().batches.values():
        check(batch)


def check_learning(modality: Trainable, recipe: Recipe, store: Any, folder: Path) -> tuple[Any, np.ndarray]:
    """Splits, usable rows, a spec that a run folder gives back, and what is said of rows; gives the spec and some training rows."""
    for kind, function in modality.splits.items():
        try:
            parts = function(store, SplitSection(kind=kind))
        except HookeError:  # what it needs is not there
            continue
        require(isinstance(parts, Split), f"the split {kind!r} is no evaluate.splits.Split")
        together = np.concatenate([parts.train, parts.valid, parts.test])
        inside = bool(((together >= 0) & (together < len(store))).all())
        require(inside and len(np.unique(together)) == len(together), f"the parts of the split {kind!r} overlap")
    split = modality.splits[recipe.split.kind](store, recipe.split)
    rows = modality.usable(store, split.train, recipe)
    require(bool(np.isin(rows, split.train).all()) and len(rows) > 1, "none of the training rows is usable")
    rows, spec = rows[:ROWS], modality.spec(store, rows, recipe)
    run = RunFolder.create(folder / "runs", "contract", recipe.to_json(), store.content_hash)
    run.update(store=str(store.folder))
    run.write_json("spec.json", spec.to_json())
    require(json_text(modality.read_spec(run).to_json()) == json_text(spec.to_json()), "read_spec gives another spec")
    for column, values in modality.identify(store, rows).items():
        require(len(values) == len(rows), f"identify: {len(values)} values of {column!r} for {len(rows)} rows")
    groups = modality.groups(store, rows)
    counted = len(groups) == len(rows) and {*groups.tolist()} == {*range(int(groups.max()) + 1)}
    require(counted, "groups do not count from 0")
    labels, bounds = labels_of(spec, modality.levels[0]), modality.bounds(store, rows)
    require(
        bounds is None or bounds.shape == (len(rows), len(labels)), "bounds are not one row a row, one column a label"
    )
    facts = modality.facts(store, spec, split, recipe)
    json.JSONEncoder(allow_nan=False).encode(dict(facts))  # raises on what JSON cannot hold
    for learns in (False, True):
        require(len(modality.next_step(run, learns_labels=learns)) == 2, "next_step is not a purpose and a command")
    return spec, rows


def check_loaders(modality: Trainable, recipe: Recipe, store: Any, spec: Any, rows: np.ndarray) -> None:
    """All rows, in order where nothing is trained; the same batches again, from any batch on, and shared by two processes."""
    for part in PARTS:
        load = partial(modality.loader, store, rows, spec, recipe, part=part, seed=0 if part == "train" else None)
        loader, batches = load(), list(load().epoch(0))
        require(isinstance(loader, Loader), f"{part}: {type(loader).__name__} is no core.types.Loader")
        require(len(batches) == len(loader), f"{part}: {len(batches)} batches, the loader says {len(loader)}")
        for batch in batches:
            check_batch(modality, batch, spec)
        seen = torch.cat([batch.rows for batch in batches])
        require({*seen.tolist()} == {*rows.tolist()}, f"{part}: the batches hold other rows than asked for")
        if part == "train":
            expected = modality.epoch_items(rows, recipe, store)
            require(
                len(seen) == expected, f"{part}: an epoch has {len(seen)} {modality.unit}, epoch_items says {expected}"
            )
        else:
            require(seen.unique_consecutive().tolist() == rows.tolist(), f"{part}: the rows come in another order")
        again = list(loader.epoch(0, start=1))
        same = len(again) == len(batches) - 1 and all(map(_same, again, batches[1:]))
        require(same, f"{part}: an epoch begun at its second batch goes on with others")
        halves = [list(load(rank=rank, world=2).epoch(0)) for rank in (0, 1)]
        if part == "train":
            require(len(halves[0]) == len(halves[1]), "two processes take unequally many batches to train on")
        shared = [*halves[0], *halves[1]]
        taken = [row for batch in shared for row in batch.rows.tolist()]
        once = {*taken} <= {*rows.tolist()} and (part == "train" or len(taken) == len(seen))
        require(once, f"{part}: two processes do not share the rows")


def check_network(modality: Trainable, recipe: Recipe, store: Any, spec: Any, rows: np.ndarray) -> Any:
    """Features for estimators; a finite loss on a batch of the store, and an encoder that starts from another's weights."""
    [batch, *_] = modality.loader(store, rows, modality.with_features(spec), recipe, part="predict").epoch(0)
    if modality.estimators:
        features = modality.features(batch)
        require(features.ndim == 2 and len(features) == batch.num_items, "features are not one row an item")
        require(features.dtype == np.float64, f"features are {features.dtype}, not float64")
    else:
        require_refusal(partial(modality.features, batch), "features without estimators")
    if recipe.has_estimator:
        return None
    task = registry.module("tasks", recipe.task.name).Task(recipe.task.config, spec)
    model, networks = registry.module("models", recipe.model.name).Model, []
    for seed in (0, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            networks.append(task.network(modality.encoder(model, recipe.model.config, task.inputs(spec))))
        modality.configure(networks[-1], recipe)
    network, other = networks
    [batch, *_] = modality.loader(store, rows, spec, recipe, part="train", seed=0).epoch(0)
    loss = task.losses(network.train(), batch, 0, seeded(0))["loss"]
    require(bool(loss.isfinite()), f"the loss of a batch of the store is {loss}")
    modality.start(other, network.encoder.state_dict(), recipe, 0)
    for name, value in network.encoder.state_dict().items():
        require_equal(
            other.encoder.state_dict()[name], value, f"{name} of an encoder started from another", tolerance=0.0
        )
    return network.eval()


def check_reading(modality: Readable, store: Any, spec: Any, network: Any) -> None:
    """A source that travels, as do its jobs; chunks of all rows; vectors and fingerprints of their items."""
    source = modality.source(store, spec, modality.options(), batch_size=4)
    require(isinstance(source, Source), f"{type(source).__name__} is no core.types.Source")
    require(_travelled(source).content_hash() == source.content_hash(), "a source that travelled has another hash")
    source, rows = _travelled(source), 0
    jobs = list(source.jobs())
    require(len(list(source.jobs(skip=1))) == len(jobs) - 1, "jobs(skip=1) does not skip one")
    for job in jobs:
        chunk = source.chunk(_travelled(source.prepare(_travelled(job))))
        check_chunk(modality, chunk, source)
        rows += chunk.table.num_rows
    require(source.row_count() in (None, rows), f"{rows} rows, row_count says {source.row_count()}")
    if network is not None:
        batch = next(iter(chunk.batches))
        with torch.no_grad():
            vectors = modality.vectors(network, batch, modality.options())
        require(vectors.ndim == 2 and len(vectors) == batch.num_items, "vectors are not one row an item")
    bits = modality.source(store, modality.comparable(spec), modality.options(), batch_size=4)
    batch = next(iter(bits.chunk(bits.prepare(next(bits.jobs()))).batches))
    found = modality.fingerprints(batch)
    valid = found is None or (found.dtype == np.uint8 and found.ndim == 2 and len(found) == batch.num_items)
    require(valid, "fingerprints are not one row of uint8 an item")


def check_chunk(modality: Readable, chunk: Chunk, source: Source) -> None:
    """The source's columns, batches that come again, ascending owners from items to rows, and a reason for each row without.

    Raises:
        ContractError: The first promise that is broken.
    """
    require(chunk.table.schema == source.schema, "the columns of a chunk are not those of its source")
    require(chunk.table.num_rows <= source.rows_a_job, f"{chunk.table.num_rows} rows of a job, of {source.rows_a_job}")
    counts = [[batch.num_items for batch in chunk.batches] for _ in range(2)]
    require(counts[0] == counts[1], "the batches of a chunk can be gone through only once")
    inside = sum(counts[0])
    require(len(chunk.owners) > 0, "a chunk without owners")
    for owner in chunk.owners:
        require(len(owner) == inside, f"{len(owner)} owners for {inside} members")
        require(bool((np.diff(owner) >= 0).all()), "owners do not ascend")
        inside = int(owner[-1]) + 1 if len(owner) else 0
    without = {*range(chunk.table.num_rows)} - {*chunk.owners[-1].tolist()}
    require(inside <= chunk.table.num_rows, "an owner is no row of the chunk")
    require(without <= {*chunk.reasons}, "a row without an item has no reason")
    for level, things in chunk.parts.items():
        require(
            level in modality.levels and len(things) == sum(counts[0]), f"parts of {level!r} are not one number an item"
        )


def _travelled(thing: Any) -> Any:
    """As another process gets it."""
    try:
        return pickle.loads(pickle.dumps(thing))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ContractError(f"{type(thing).__name__} cannot be sent to another process: {error}") from error


def _same(batch: Any, other: Any) -> bool:
    """Whether two batches hold equal tensors, NaN being equal to NaN."""
    here, there = dict(_tensors(batch)), dict(_tensors(other))
    return here.keys() == there.keys() and all(_equal(value, there[name]) for name, value in here.items())


def _equal(value: Tensor, other: Tensor) -> bool:
    if value.shape != other.shape or value.dtype != other.dtype:
        return False
    same = value == other
    return bool((same | (value.isnan() & other.isnan()) if value.is_floating_point() else same).all())


def _tensors(thing: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a batch, those in its mappings too, by name."""
    if isinstance(thing, Tensor):
        yield name, thing
    elif isinstance(thing, Mapping) or hasattr(thing, "__dict__"):
        for key, value in (thing if isinstance(thing, Mapping) else vars(thing)).items():
            yield from _tensors(value, f"{name}.{key}" if name else str(key))
