"""The house keeps its own rules: mirror tests, file sizes, no machine's paths, fast start."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "hooke").rglob("*.py"))
PUBLIC = [path for path in SOURCES if not path.name.startswith("_") and path.name != "version.py"]


@pytest.mark.parametrize("source", PUBLIC, ids=lambda path: str(path.relative_to(ROOT / "src" / "hooke")))
def test_every_public_source_file_has_its_mirror_test(source: Path) -> None:
    """Private helpers are tested through the files that use them."""
    relative = source.relative_to(ROOT / "src" / "hooke")
    mirror = ROOT / "tests" / relative.parent / f"test_{relative.name}"
    assert mirror.exists(), f"{relative} has no {mirror.relative_to(ROOT)}"
    assert "def test_" in mirror.read_text()


def test_no_two_file_names_differ_by_a_plural_or_a_d() -> None:
    """Files of `testing` are named after the rooms that they check, suites after what `hooke benchmark` is asked for; `nn/task.py` and
    `core/recipe.py` hold what those rooms are made of.
    """
    stems = {path.stem for path in SOURCES if path.stem != "__init__" and path.parent.name not in ("testing", "suites")}
    assert {stem for stem in stems if {f"{stem}s", f"{stem}d", f"{stem}ed", f"{stem[:-1]}ies"} & stems} == set()


def test_no_source_file_is_longer_than_600_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > 600} == {}


def test_core_and_the_command_line_start_without_torch() -> None:
    code = "import sys, hooke, hooke.cli.main; sys.exit('torch' in sys.modules or 'rdkit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_changelog_and_citation_name_the_version() -> None:
    from hooke.version import __version__

    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^## (Unreleased|\[?" + re.escape(__version__) + ")", (ROOT / "CHANGELOG.md").read_text(), re.M)


def test_json_is_written_in_one_place() -> None:
    """`core.json_text` writes null where the standard library writes NaN, which no other parser reads; the others hash or quote."""
    others = {"core/json_text.py", "core/hashing.py", "report/provenance.py"}
    texts = {str(path.relative_to(ROOT / "src" / "hooke")): path.read_text() for path in SOURCES}
    writers = {name for name, text in texts.items() if re.search(r"json\.dumps?\(|import dumps?\b", text)}
    assert writers == others


@pytest.mark.parametrize("path", sorted((ROOT / "bench").glob("*.py")), ids=lambda path: path.stem)
def test_every_bench_can_be_imported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    assert module.__doc__


WRITES = {"core/files.py", "core/checked.py"}  # every step that a kill can fall between is taken there
STEPS = {"write_text", "write_bytes", "unlink", "rmtree", "symlink_to", "hardlink_to", "touch", "truncate", "rmdir", "mkstemp",
         "mkdtemp", "NamedTemporaryFile", "TemporaryDirectory", "copyfile", "copytree", "copy2", "to_parquet", "to_csv"}  # fmt: skip
STEPS_OF = {"os": {"replace", "rename", "remove", "link", "symlink", "ftruncate"}, "shutil": {"copy", "move"}}
FIRST = {"write_parquet", "sink_parquet", "write_csv", "sink_csv", "write_ipc", "write_ndjson", "ParquetWriter", "CSVWriter",
         "savez", "savez_compressed", "write_h5ad", "imwrite", "ZipFile", "GzipFile"}  # fmt: skip
SECOND = {"save_file", "write_table", "write_feather"}  # writers of libraries, by the place of the path


def test_only_one_place_writes_files() -> None:
    """Elsewhere, writers of libraries are given a `temporary` path of `core.files.replacing`, or a `buffer` in memory."""
    folder = ROOT / "src" / "hooke"
    others = [path for path in SOURCES if str(path.relative_to(folder)) not in WRITES]
    found = [
        f"{path.relative_to(folder)}:{node.lineno} {ast.unparse(node)[:100]}"
        for path in others for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and _writes(node)
    ]  # fmt: skip
    assert found == []
    core = ast.walk(ast.parse((folder / "core/files.py").read_text()))
    assert sum(isinstance(node, ast.Call) and _writes(node) for node in core) >= 8  # it is seen where it is allowed


def _writes(call: ast.Call) -> bool:
    """Whether a call changes something on the disk that a later command would find."""
    method = isinstance(call.func, ast.Attribute)
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    base = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if name in STEPS or name in STEPS_OF.get(base, ()):
        return True
    if name == "open" and (not method or base.islower()):
        modes = [
            *call.args[0 if method and base != "os" else 1 :],
            *(key.value for key in call.keywords if key.arg == "mode"),
        ]
        return any(
            isinstance(mode, ast.Constant) and re.fullmatch("[rbt]*[wax+][rbtwax+]*", str(mode.value)) for mode in modes
        )
    if name in ("replace", "rename") and len(call.args) == 1 and not call.keywords and method:
        return any(word in base for word in ("path", "temporary", "folder", "file"))
    path: list[ast.expr] = []
    if name in FIRST and (method or name in ("ParquetWriter", "CSVWriter")):
        path = call.args[:1]
    elif name in SECOND or (name == "save" and base in ("np", "numpy", "torch", "anndata")):
        path = call.args[:1] if base in ("np", "numpy") else call.args[1:2]
    elif name == "save" and any(key.arg == "format" for key in call.keywords):
        path = call.args[:1]
    if name == "ZipFile" and not any(
        isinstance(mode, ast.Constant) and "r" not in str(mode.value) for mode in call.args[1:2]
    ):
        return False
    return bool(path) and ast.unparse(path[0]) not in ("temporary", "buffer")
