from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError


def test_names_are_file_stems() -> None:
    folder = Path(registry.__file__).parent.parent / "models"
    stems = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert set(registry.names("models")) == stems


def test_looking_up_a_data_set_imports_that_file_alone_and_nothing_heavy() -> None:
    code = (
        "import sys; from hooke.core import registry; registry.names('models'); registry.card('csv');"
        "found = {m for m in sys.modules if m.startswith(('hooke.datasets.', 'hooke.models.'))};"
        "assert found == {'hooke.datasets.csv'}, found;"
        "assert not {'torch', 'rdkit', 'polars', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", ["models", "tasks", "estimators"])
def test_options_and_presets_are_read_without_importing(kind: str) -> None:
    for name in registry.names(kind):
        stated, module = registry.stated(kind, name), registry.module(kind, name)
        assert stated is not None
        assert [field.name for field in fields(stated.config)] == [field.name for field in fields(module.Config)], name
        assert stated.presets == list(getattr(module, "PRESETS", ())), name


def test_unknown_names_and_kinds_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown model 'gin3'. Did you mean 'gin"):
        registry.module("models", "gin3")
    with pytest.raises(UnknownNameError, match="Did you mean 'models'"):
        registry.names("model")


def test_third_parties_plug_in_through_entry_points(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "their_model.py").write_text("PRESETS = {}\n")
    (tmp_path / "broken_model.py").write_text("import no_such_package\n")
    points = [
        EntryPoint("theirs", "their_model", "hooke.models"),
        EntryPoint("broken", "broken_model", "hooke.models"),
        EntryPoint("gine", "their_model", "hooke.models"),  # cannot take the place of Hooke's own
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "hooke.models" else [])
    monkeypatch.syspath_prepend(tmp_path)
    assert {"theirs", "broken"} < set(registry.names("models"))
    assert registry.module("models", "theirs").PRESETS == {}
    assert registry.module("models", "gine").__name__ == "hooke.models.gine"
    with pytest.raises(UsageError, match=r"plug-in broken_model .*no_such_package"):
        registry.module("models", "broken")


def test_cards_of_all_data_sets_are_read_without_heavy_modules() -> None:
    heavy = ("rdkit", "polars", "torch", "pyarrow", "numpy", "scipy", "numba")
    code = (
        "import sys; from hooke.core import registry; cards = [registry.card(name) for name in registry.names('datasets')]"
        f"; sys.exit(','.join(name for name in {heavy} if name in sys.modules) or len(cards) < 10)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
