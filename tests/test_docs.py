"""The pages agree with the code, and what disagrees is noticed: `scripts/make_docs.py` and the build of the documentation."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest

ROOT = Path(__file__).parent.parent


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_docs = _loaded()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages, to be spoilt."""
    for name in ("README.md", "CONTRIBUTING.md", "LOG.md", "mkdocs.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for folder in ("src/hooke", "bench", "scripts", "tests", ".ci"):
        (tmp_path / folder).parent.mkdir(exist_ok=True)
        (tmp_path / folder).symlink_to(ROOT / folder)
    return tmp_path


def spoil(page: Path, old: str, new: str) -> None:
    text = page.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_generated_parts_are_those_of_the_code() -> None:
    assert list(make_docs.part_problems(ROOT)) == []


def test_quoted_signatures_are_those_of_the_code() -> None:
    assert list(make_docs.signature_problems(ROOT)) == []


def test_links_names_and_paths_lead_somewhere() -> None:
    assert list(make_docs.reference_problems(ROOT)) == []


def test_stale_and_unknown_parts_are_noticed(copy: Path) -> None:
    spoil(copy / "docs" / "options.md", "training rows. | integer | `50` |", "training rows. | integer | `60` |")
    spoil(copy / "docs" / "models.md", "generated: estimators", "generated: estimates")
    found = list(make_docs.part_problems(copy))
    assert "models.md: no part estimates" in found
    assert any(problem.startswith("options.md: generated parts are stale") for problem in found)
    assert "no page shows the generated part 'estimators'" in found


def test_writing_repairs_a_stale_part(copy: Path) -> None:
    page = copy / "docs" / "datasets.md"
    whole = page.read_text(encoding="utf-8")
    spoil(page, "**licence**", "**license**")
    assert make_docs.generated(page.read_text(encoding="utf-8")) == whole


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "def __init__(self, config, spec, level)",
            "def __init__(self, config, spec)",
            "Estimator.__init__(config, spec)",
        ),
        ("def losses(self, network,", "def losses(self, net,", "Task.losses(net,"),
        ("def arrays(self)", "def weights(self)", "Estimator.weights is quoted, the code has none"),
        ("targets, *, seed=0", "targets, *, seed=1", "Estimator.fit(features, targets, *, seed=1)"),
        ("part, seed=None", "part, seed", None),
        ("class Trainable", "class Trained", "hooke.modalities has no Trained"),
        ("class Estimator", "class Modality", "CONTRIBUTING.md quotes no class Estimator"),
    ],
)
def test_a_wrong_signature_is_noticed(copy: Path, old: str, new: str, message: str | None) -> None:
    before = set(make_docs.signature_problems(copy))
    spoil(copy / "CONTRIBUTING.md", old, new)
    found = set(make_docs.signature_problems(copy)) - before
    assert any(message in problem for problem in found) if message else not found


def test_dead_references_are_noticed(copy: Path) -> None:
    with open(copy / "docs" / "python.md", "a", encoding="utf-8") as page:
        page.write("\n```python\nfrom hooke.core.recipe import Named, Renamed\n```\n")
        page.write(
            "\n[gone](gone.md) `hooke.search.table` `hooke.core.recipe.Recipes` `suites/gone.py` `models/NAME.py`\n"
        )
    assert set(make_docs.reference_problems(copy)) == {
        "python.md: the link gone.md leads nowhere",
        "python.md: there is no hooke.search.table",
        "python.md: there is no hooke.core.recipe.Recipes",
        "python.md: there is no hooke.core.recipe.Renamed",
        "python.md: there is no suites/gone.py",
    }


@pytest.mark.parametrize("link", ["", "[gone](gone.md)", "[gone](recipes.md#gone)"])
def test_a_dead_link_fails_the_build(copy: Path, link: str) -> None:
    pytest.importorskip("mkdocs")
    [command] = re.findall(r"^\t.*\$\(BIN\)/(mkdocs build .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    with open(copy / "docs" / "index.md", "a", encoding="utf-8") as page:
        page.write(f"\n{link}\n")
    built = subprocess.run([sys.executable, "-m", *command.split()], cwd=copy, capture_output=True, check=False)
    assert (built.returncode == 0) == (not link)


@dataclass(frozen=True)
class Options:
    """Made up. For the test.

    Attributes:
        width, depth: Of the network,
            as numbers.
        names: Some.
    """

    width: int = 3
    depth: int = 2
    names: tuple[str, ...] = ("a",)
    shares: tuple[float, float] = (0.5, 0.5)  # explained | here
    kind: Literal["x", "y"] = "x"  # of things
    base: dict[str, int] | None = None  # none by default


def test_option_tables() -> None:
    assert make_docs.option_table(Options).splitlines()[2:] == [
        "| `width` | Of the network, as numbers. | integer | `3` |",
        "| `depth` | Of the network, as numbers. | integer | `2` |",
        '| `names` | Some. | array of strings | `["a"]` |',
        r"| `shares` | explained \| here | array of 2 floats | `[0.5, 0.5]` |",
        '| `kind` | of things | `"x"`, `"y"` | `"x"` |',
        "| `base` | none by default | table of integers or none | `none` |",
    ]
    assert make_docs.summary(Options.__doc__, "") == "Made up"

    @dataclass(frozen=True)
    class Unexplained:
        width: int = 3

    with pytest.raises(ValueError, match="Unexplained: nothing says what width means"):
        make_docs.option_table(Unexplained)


def test_publications_are_short_and_linked() -> None:
    found = make_docs.sources("gps")
    assert "[Rampášek et al. 2022](https://arxiv.org/abs/2205.12454)" in found
    assert make_docs.sources("nobody") == ""
