"""What was meant by a key."""

from __future__ import annotations

import pickle

import pytest

from hooke.core.errors import UsageError
from hooke.core.key_hints import UnknownKeyError, meant
from hooke.core.recipe import resolve
from hooke.core.recipe_files import stated

TRAIN = ["train.epochs", "train.learning_rate", "train.batch_size", "train.weight_decay", "train.optimiser"]
ALL = [*TRAIN, "model.width", "model.depth", "model.dropout", "data.path", "data.split.kind"]


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("train.lr", "train.learning_rate"), ("train.wd", "train.weight_decay"), ("train.optimizer", "train.optimiser"),
        ("train.dropout", "model.dropout"), ("train.num_layers", "model.depth"), ("train.lerning_rate", "train.learning_rate"),
        ("train.zzz", None),
    ],
)  # fmt: skip
def test_a_key_of_a_table(key: str, wanted: str | None) -> None:
    assert meant(key, TRAIN, ALL) == wanted


def test_a_key_without_its_table() -> None:
    for key, wanted in {
        "epochs": "train.epochs",
        "lr": "train.learning_rate",
        "split": "data.split.kind",
        "pth": "data.path",
    }.items():
        assert meant(key, ["name", "seed"], ALL) == wanted


def test_the_error_crosses_processes_whole() -> None:
    error = UnknownKeyError("train.lr", TRAIN, ALL)
    assert "Did you mean 'train.learning_rate'?" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("epochs=5", "Did you mean 'train.epochs'?"), ("train.lr=1e-3", "Did you mean 'train.learning_rate'?"),
        ("train.width=3", "Did you mean 'model.width'?"), ("model.random_walk=3", "Did you mean 'encodings.random_walk'?"),
        ("model=dmpnn", "write model.name=dmpnn, or --model dmpnn"), ("data=toymix", "write data.name=toymix"),
        ("data.split=scaffold", "write data.split.kind=scaffold, or --split scaffold"), ("train=5", "train must be a table"),
        ("encoding.random_walk=3", "Did you mean 'encodings'?"),
    ],
)  # fmt: skip
def test_recipes_offer_what_was_meant_in_one_line(change: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(stated(None, [change]))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
