"""`[machine]`, in files, in changes, and where it stood before."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import UsageError
from hooke.core.machine_table import MACHINE, apart, kept_in_train
from hooke.core.recipe import TrainSection, resolve
from hooke.core.recipe_files import read
from hooke.core.runs import run_identity


def test_both_places_are_one_recipe(tmp_path: Path) -> None:
    old, new = tmp_path / "a" / "r.toml", tmp_path / "b" / "r.toml"
    for path, table in ((old, "train"), (new, "machine")):
        path.parent.mkdir()
        path.write_text(f'extends = "tiny_gine"\n[{table}]\ndevices = 2\nthreads = 1\n')
    first, second = (resolve(read(path)).to_json() for path in (old, new))
    assert run_identity(first, "x") == run_identity(second, "x")
    assert first["train"]["devices"] == 2
    assert apart(read(new))["machine"] == {"devices": 2, "threads": 1}
    assert kept_in_train(apart(read(new))) == read(new)


def test_the_last_word_counts(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('extends = "tiny_gine"\n[machine]\ndevices = 2\n')
    for change in ("machine.devices=3", "train.devices=3"):
        assert read(path, [change])["train"]["devices"] == 3


def test_its_keys_are_options_of_train_and_others_are_refused() -> None:
    for name in MACHINE:
        assert hasattr(TrainSection(), name)
    with pytest.raises(UsageError, match=r"'machine.gpus'. Did you mean 'machine.devices'"):
        resolve({"machine": {"gpus": 2}})
    with pytest.raises(UsageError, match=r"'machine.epochs'. Did you mean 'train.epochs'"):
        resolve({"machine": {"epochs": 2, "devices": 1}})
    with pytest.raises(UsageError, match=r"Did you mean 'machine.devices'"):
        resolve({"gpus": 2})
