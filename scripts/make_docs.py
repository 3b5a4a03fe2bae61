"""Write the generated parts of the pages; with `--check`, name what is stale or wrong and exit with 1.

    python scripts/make_docs.py            # after a change of cards, options or registered names
    python scripts/make_docs.py --check    # what `make docs` and tests/test_docs.py run

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`, NAME being a key of `PARTS`. Checked besides are the
signatures that CONTRIBUTING.md quotes (`signature_problems`), and in every page links to files, names such as `hooke.core.store` and
paths of the repository (`reference_problems`). Anchors and the navigation are checked by `mkdocs build --strict`.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
import sys
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import FunctionType, ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hooke.core import recipe_files, registry
from hooke.core.cards import Card
from hooke.core.citations import CITATIONS, Citation
from hooke.core.recipe import Named, Recipe
from hooke.modalities import Trainable

ROOT = Path(__file__).parent.parent
PART = re.compile(
    r"(?P<start><!-- generated: (?P<name>[\w ]+) -->\n).*?(?P<end>^<!-- end -->$)", re.DOTALL | re.MULTILINE
)
ACCENTS = {"'": "\u0301", '"': "\u0308", "`": "\u0300", "^": "\u0302", "~": "\u0303", "v": "\u030c", "c": "\u0327"}


def pages(root: Path) -> list[Path]:
    """All that is read by people and changes with the code; the logs are history."""
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]


# ---------------------------------------------------------------------------------------------------------------- generated parts


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def summary(text: str, name: str) -> str:
    """The first sentence of a docstring, without the name before its colon."""
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    sentence = re.split(r"(?<=[\w`)])\. (?=[A-Z`])", paragraph)[0].rstrip(".")
    return sentence.removeprefix(f"`{name}`: ")


def sources(name: str) -> str:
    """Whom to cite for a name, as links."""
    return ", ".join(f"[{short(each)}]({address(each)})" for each in CITATIONS.get(name, ()))


def short(publication: Citation) -> str:
    """Family names and year: "Hu et al. 2020"."""
    people = publication.authors.split(" and ")
    families = [plain_text(person.split(", ")[0]) for person in people]
    named = f"{families[0]} et al." if len(families) > 2 or "others" in families else " and ".join(families)
    return f"{named} {publication.year}" if publication.year else named


def plain_text(latex: str) -> str:
    """BibTeX's accents as characters."""
    accented = re.sub(r"\{\\(.)\{?(\w)\}?\}", lambda found: found[2] + ACCENTS[found[1]], latex)
    return unicodedata.normalize("NFC", re.sub(r"[{}]", "", accented))


def address(publication: Citation) -> str:
    """Where a publication is found."""
    kind, _, value = publication.identifier.partition(":")
    return {"doi": f"https://doi.org/{value}", "arXiv": f"https://arxiv.org/abs/{value}"}.get(
        kind, publication.identifier
    )


def by_modality(kind: str, head: Sequence[str], row: Callable[[str, ModuleType], Sequence[str]]) -> str:
    """A table of the names of a kind for each modality."""
    groups: dict[str, list[str]] = {}
    for name in registry.names(kind):
        groups.setdefault(registry.modality_of(kind, name), []).append(name)
    return "\n".join(
        f"### {modality.capitalize()}\n\n" + table(head, (row(name, registry.module(kind, name)) for name in names))
        for modality, names in sorted(groups.items(), reverse=True)
    )


def rooms() -> str:
    """The packages in the order of the import law, with the first sentence of each."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    law, array_half = (
        contracts[0]["layers"],
        next(each for each in contracts if "torch" in each.get("forbidden_modules", ())),
    )
    rows = []
    for layer in law:
        names = re.findall(r"\w+", layer)
        what = [summary(importlib.import_module(f"hooke.{name}").__doc__ or "", name) for name in names]
        torch_free = [f"hooke.{name}" in array_half["source_modules"] for name in names]
        rows += [
            (f"`{name}`", text, "no" if free else "") for name, text, free in zip(names, what, torch_free, strict=True)
        ]
    return (
        "`"
        + " → ".join(re.sub(r" : ", " | ", layer) for layer in law)
        + "`\n\n"
        + table(("room", "what", "torch"), rows)
    )


def models() -> str:
    """Every model with its presets."""

    def row(name: str, module: ModuleType) -> Sequence[str]:
        presets = ", ".join(f"`{preset}`" for preset in module.PRESETS)
        return f"`{name}`", summary(module.__doc__ or "", name), presets, sources(name)

    return by_modality("models", ("name", "what", "presets", "source"), row)


def tasks() -> str:
    """Every task, and whether it learns labels."""

    def row(name: str, module: ModuleType) -> Sequence[str]:
        labels = "yes" if module.Task.supervised else "no"
        return f"`{name}`", summary(module.__doc__ or "", name), labels, sources(name)

    return by_modality("tasks", ("name", "what", "learns labels", "source"), row)


def named(kind: str) -> str:
    """The names of a kind whose files say all in their first sentence."""
    rows = [(name, registry.module(kind, name)) for name in registry.names(kind)]
    return table(
        ("name", "what", "source"),
        ((f"`{name}`", summary(module.__doc__ or "", name), sources(name)) for name, module in rows),
    )


def modalities() -> str:
    """What each modality has: sections of recipes, levels of labels, kinds of splits."""

    def row(name: str) -> Iterator[str]:
        modality = registry.module("modalities", name).MODALITY
        splits = modality.splits if isinstance(modality, Trainable) else ()
        yield f"`{name}`"
        yield from (", ".join(f"`{entry}`" for entry in some) for some in (modality.sections, modality.levels, splits))

    return table(
        ("modality", "sections of a recipe", "levels of labels", "splits"),
        map(tuple, map(row, registry.names("modalities"))),
    )


def suites() -> str:
    """Every suite with how many tasks or points it has."""
    rows = [(name, registry.module("suites", name)) for name in registry.names("suites")]
    return table(
        ("suite", "what", "tasks or points"),
        ((f"`{name}`", summary(module.__doc__ or "", name), str(module.SUITE.size)) for name, module in rows),
    )


def recipes() -> str:
    """Every built-in recipe, by the data that it learns from; the rows of one file together."""
    files: dict[str, list[str]] = {}
    for name in recipe_files.names():
        files.setdefault(recipe_files.source(name), []).append(name)
    rows = []
    for text, names in files.items():
        read = [recipe_files.read(name) for name in names]
        data, models = read[0]["data"]["name"], sorted({recipe["model"]["name"] for recipe in read})
        head = " ".join(line.lstrip("# ") for line in re.match(r"(?:#.*\n)*", text)[0].splitlines())  # type: ignore[index]
        rows.append(
            (
                data,
                ", ".join(f"`{each}`" for each in names),
                ", ".join(f"`{each}`" for each in models),
                summary(head, names[0]),
            )
        )
    return table(
        ("recipe", "data", "model", "what"),
        ((names, f"`{data}`", models, what) for data, names, models, what in sorted(rows)),
    )


def datasets() -> str:
    """A table of all data sets, then every card."""
    cards = [registry.card(name) for name in registry.names("datasets")]
    overview = table(
        ("name", "modality", "size", "labels of"),
        ((f"[{card.name}](#{card.name})", card.modality, card.size, ", ".join(card.levels)) for card in cards),
    )
    return overview + "".join("\n" + entry(card) for card in cards)


def entry(card: Card) -> str:
    """The card of a data set as a section."""
    rows = {
        "modality": card.modality,
        "size": card.size,
        "labels of": ", ".join(card.levels),
        **{heading: text for heading, text in card.columns().items() if heading not in Card.columns(card)},
        "licence": card.licence,
        "source": card.source,
        "citation": sources(card.citation) and f"{sources(card.citation)} (`hooke show cite {card.citation}`)",
        "split": card.split,
        "how to get it": how_to_get(card),
        "options": ", ".join(f"`{each.name}`" for each in fields(registry.module("datasets", card.name).Config)),
        "notes": card.notes,
    }
    shown = "".join(f"- **{name}**: {text}\n" for name, text in rows.items() if text)
    return f"## {card.name}\n\n**{card.title}**\n\n{card.description}\n\n{shown}"


def how_to_get(card: Card) -> str:
    """The command that brings a data set, and what its checksums are worth."""
    options = {each.name for each in fields(registry.module("datasets", card.name).Config)}
    if not card.files:
        given = next((f" {name}=..." for name in ("path", "files") if name in options), "")
        return f"`hooke data prepare {card.name}{given}`"
    known = sum(bool(file.sha256) for file in card.files)
    checked = {len(card.files): "with checksums", 0: "checksums are pinned at the first download"}
    choice = " table=..." if "table" in options else ""
    return f"`hooke data get {card.name}{choice}`: {len(card.files)} file{'s' * (len(card.files) > 1)}, " + checked.get(
        known, f"{known} of them with checksums"
    )


def sections() -> dict[str, tuple[type, str]]:
    """Tables of a recipe that are not registered things → the dataclass of their options, and the modality they belong to ("" for all)."""
    hints = get_type_hints(Recipe)
    own = {each.name: hints[each.name] for each in fields(Recipe) if is_dataclass(hints[each.name])}
    found = {"data.split" if name == "split" else name: (hint, "") for name, hint in own.items() if hint is not Named}
    for modality in registry.names("modalities"):
        found |= {
            name: (cls, modality) for name, cls in registry.module("modalities", modality).MODALITY.sections.items()
        }
    return found


def options() -> str:
    """The options of every section: type, default and meaning."""
    parts = []
    for name, (cls, modality) in sections().items():
        about = f" For recipes on {modality}." if modality else ""
        parts.append(f"## {name}\n\n{summary(cls.__doc__ or '', name)}.{about}\n\n{option_table(cls)}")
    return "\n".join(parts)


def option_table(cls: type) -> str:
    """The options of one dataclass.

    Raises:
        ValueError: An option has no meaning: neither an entry under Attributes nor a comment behind it.
    """
    hints, meaning = get_type_hints(cls), meanings(cls)
    missing = [each.name for each in fields(cls) if not meaning.get(each.name)]
    if missing:
        raise ValueError(f"{cls.__name__}: nothing says what {', '.join(missing)} means")
    return table(
        ("option", "meaning", "type", "default"),
        (
            (f"`{each.name}`", meaning[each.name], type_name(hints[each.name]), f"`{default(each)}`")
            for each in fields(cls)
        ),
    )


def meanings(cls: type) -> dict[str, str]:
    """Field → what it means, from the docstring's Attributes or the comment behind the field."""
    source = inspect.getsource(cls)
    found = dict(re.findall(r"^    (\w+): .*?  # (.+)$", source, re.MULTILINE))
    attributes = re.search(
        r"^Attributes:\n(.*?)(?=^\S|\Z)", inspect.cleandoc(cls.__doc__ or ""), re.DOTALL | re.MULTILINE
    )
    entries = re.findall(r"^    (\w[\w, ]*): (.*(?:\n {5,}.*)*)", attributes[1], re.MULTILINE) if attributes else []
    for names, text in entries:
        found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def type_name(hint: Any) -> str:
    """A type in the words of TOML."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in arguments)
    if origin in (Union, UnionType):
        return " or ".join("none" if each is NoneType else type_name(each) for each in arguments)
    if origin is tuple:
        count = "" if arguments[-1] is Ellipsis else f"{len(arguments)} "
        return f"array of {count}{type_name(arguments[0])}s"
    if origin is not None:
        return f"table of {type_name(arguments[-1])}s"
    return {bool: "boolean", int: "integer", float: "float", str: "string", Any: "value"}[hint]


def default(field: Field[Any]) -> str:
    """A default as it would stand in a recipe."""
    value = field.default if field.default is not MISSING else field.default_factory()  # type: ignore[misc]
    return "none" if value is None else json.dumps(value)


SECTIONS = ("Args", "Returns", "Raises", "Yields", "Attributes")
INTERFACE = ("hooke", "hooke.maps", "hooke.sklearn")
RESULTS = {  # what the functions give back and take
    "hooke.api.training": ("FittedRun",), "hooke.inference.loaded": ("LoadedRun",), "hooke.encoders": ("Encoder",),
    "hooke.inference.stream": ("StreamReport",), "hooke.studies.benchmark": ("BenchmarkResult",), "hooke.cells.profiles": ("Profiles",),
    "hooke.maps.construction": ("BuiltMap",), "hooke.maps.evaluation": ("Evaluation",),
    "hooke.train.loggers": ("Logged", "MetricLogger"), "hooke.molecules.pyg": ("to_pyg", "from_pyg"),
}  # fmt: skip


def interface() -> str:
    """Every public name with its signature and docstring, module after module."""
    shown = {name: importlib.import_module(name) for name in INTERFACE}
    parts = [
        part
        for name, module in shown.items()
        for part in (f"## {name}\n", *(name_entry(f"{name}.{each}", getattr(module, each)) for each in public(module)))
    ]
    parts.append("## What they give back\n")
    for name, classes in RESULTS.items():
        module = importlib.import_module(name)
        parts += [name_entry(f"{name}.{each}", getattr(module, each)) for each in classes]
    return "\n".join(filter(None, parts))


def public(module: ModuleType) -> list[str]:
    """Names of a module's `__all__`, else of its own classes; modules are shown by themselves."""
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]  # fmt: skip
    return [name for name in names if not name.startswith("_") and not inspect.ismodule(getattr(module, name))]


def name_entry(name: str, value: Any) -> str:
    """One name: heading, signature, docstring; a class with its public methods."""
    lines = [f"### {name}\n", signature(name.rpartition(".")[2], value), described(value)]
    if inspect.isclass(value):
        lines += [
            f"#### {name.rpartition('.')[2]}.{each}\n\n{signature(each, method)}\n{described(method)}"
            for each, method in vars(value).items()
            if not each.startswith("_")
            and isinstance(method, FunctionType | classmethod | staticmethod)
            and method.__doc__
        ]
    return "\n".join(filter(None, lines))


def signature(name: str, value: Any) -> str:
    """A call as Python, one parameter a line where it is long."""
    value = getattr(value, "__func__", value)
    try:
        found = inspect.signature(value)
    except ValueError:
        return ""
    each = [parameter for parameter in found.parameters.values() if parameter.name not in ("self", "cls")]
    result = (
        "" if found.return_annotation in (found.empty, None, "None") else f" -> {hint_text(found.return_annotation)}"
    )
    texts, star = [], False
    for parameter in each:
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            texts.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        mark = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        hint = "" if parameter.annotation is parameter.empty else f": {hint_text(parameter.annotation)}"
        equals = " = " if hint else "="
        texts.append(
            f"{mark}{parameter.name}{hint}"
            + ("" if parameter.default is parameter.empty else f"{equals}{shown_default(parameter.default)}")
        )
    line = f"{name}({', '.join(texts)}){result}"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {text},\n" for text in texts) + f"){result}"
    return f"```python\n{line}\n```\n"


def hint_text(hint: Any) -> str:
    """An annotation as it is written."""
    return hint if isinstance(hint, str) else getattr(hint, "__name__", str(hint))


def shown_default(value: Any) -> str:
    """A default value; objects by their type, so that no address or path of this machine is shown."""
    if isinstance(value, Path):
        return repr(value.as_posix())
    plain = value is None or isinstance(value, str | int | float | bool | tuple)
    return repr(value) if plain else f"{type(value).__name__}()"


def described(value: Any) -> str:
    """A docstring as Markdown: its sections as lists, its examples as code."""
    found, inside = [], False
    for line in inspect.cleandoc(value.__doc__ or "").splitlines():
        bare = line.strip()
        if bare.removesuffix(":") in SECTIONS and line == bare:
            inside = True
            found.append(f"\n**{bare.removesuffix(':')}**\n")
        elif inside and re.match(r"^ {4}\*{0,2}[\w, *]+: ", line):
            name, _, text = bare.partition(": ")
            found.append(f"- `{name}`: {text}")
        elif inside and line.startswith("    "):
            found.append(f"  {bare}" if found[-1].startswith(("- ", "  ")) else bare)
        else:
            inside = inside and not bare
            found.append(line)
    return "\n".join(found).rstrip() + "\n" if found else ""


PARTS: dict[str, Callable[[], str]] = {
    "datasets": datasets,
    "encoders": lambda: named("encoders"),
    "estimators": lambda: named("estimators"),
    "interface": interface,
    "modalities": modalities,
    "models": models,
    "options": options,
    "recipes": recipes,
    "response models": lambda: named("response_models"),
    "rooms": rooms,
    "suites": suites,
    "tasks": tasks,
}


def generated(text: str) -> str:
    """A page with all its generated parts written anew."""
    return PART.sub(lambda part: f"{part['start']}\n{PARTS[part['name']]()}\n{part['end']}", text)


def part_problems(root: Path) -> Iterator[str]:
    """Stale parts, parts of a name that there is not, and parts that no page shows."""
    shown = set()
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        names = re.findall(r"<!-- generated: (.*?) -->", text)
        shown |= set(names)
        unknown = [name for name in names if name not in PARTS]
        if unknown or len(names) != len(PART.findall(text)):
            yield f"{page.name}: no part {', '.join(unknown)}" if unknown else f"{page.name}: a part without its end"
        elif generated(text) != text:
            yield f"{page.name}: generated parts are stale; run `python scripts/make_docs.py`"
    yield from (f"no page shows the generated part {name!r}" for name in PARTS if name not in shown)


# --------------------------------------------------------------------------------------------------------------------- signatures


REGISTERED = {"Model": "models", "Task": "tasks", "Estimator": "estimators", "Dataset": "datasets"}


def signature_problems(root: Path) -> Iterator[str]:
    """Where the classes in the Python blocks of CONTRIBUTING.md differ from the code.

    `Model`, `Task`, `Estimator` and `Dataset` are compared with the class of that name in every registered file, other classes with those of
    `hooke.modalities`. A method has the quoted parameters in this order and of these kinds, and no others; a quoted default is that of the
    code; a quoted attribute is there.
    """
    quoted = quoted_classes((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    yield from (f"CONTRIBUTING.md quotes no class {name}" for name in (*REGISTERED, "Modality") if name not in quoted)
    modalities = importlib.import_module("hooke.modalities")
    for name, stub in quoted.items():
        if name not in REGISTERED and not hasattr(modalities, name):
            yield f"CONTRIBUTING.md quotes a class {name}; hooke.modalities has no {name}"
            continue
        for where, cls in classes(name):
            yield from (f"CONTRIBUTING.md: {name}.{problem} ({where})" for problem in differences(stub, cls))


def quoted_classes(text: str) -> dict[str, type]:
    """The classes that a page's Python blocks define."""
    found: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if all(isinstance(node, ast.ClassDef) for node in ast.parse(block).body):
            exec("from __future__ import annotations\n" + block, found)
    return {name: value for name, value in found.items() if inspect.isclass(value)}


def classes(name: str) -> Iterator[tuple[str, type]]:
    """The classes that a quoted class stands for, and where they are."""
    if name in REGISTERED:
        for registered in registry.names(REGISTERED[name]):
            module = registry.module(REGISTERED[name], registered)
            yield module.__name__, getattr(module, name)
    else:
        yield "hooke.modalities", getattr(importlib.import_module("hooke.modalities"), name)


def differences(stub: type, cls: type) -> Iterator[str]:
    """What a quoted class says of a class that is not so."""
    members = {name for name in vars(stub) if not name.startswith("__") or name == "__init__"}
    for name in sorted(members | set(vars(stub).get("__annotations__", {}))):
        member = getattr(stub, name, None)
        if not hasattr(cls, name) and not any(name in inspect.get_annotations(each) for each in cls.__mro__):
            yield f"{name} is quoted, the code has none"
        elif callable(member):
            ours, theirs = parameters(member), parameters(getattr(cls, name))
            kinds = [[(each.name, each.kind) for each in some] for some in (ours, theirs)]
            changed = [
                one.name
                for one, other in zip(ours, theirs, strict=False)
                if one.default not in (one.empty, other.default)
            ]
            if kinds[0] != kinds[1] or changed:
                shown = [
                    inspect.Signature([each.replace(annotation=each.empty) for each in some]) for some in (ours, theirs)
                ]
                yield f"{name}{shown[0]} is quoted, the code has {shown[1]}"


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a caller gives."""
    return [each for each in inspect.signature(function).parameters.values() if each.name not in ("self", "cls")]


# --------------------------------------------------------------------------------------------------------------------- references


def reference_problems(root: Path) -> Iterator[str]:
    """Links to files, names `hooke.a.b` and paths of the repository that lead nowhere."""
    rooms = {path.name for base in (root, root / "src" / "hooke") for path in base.iterdir() if path.is_dir()}
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            target = link.split("#")[0]
            if target and "://" not in target and not (page.parent / target).exists():
                yield f"{page.name}: the link {link} leads nowhere"
        names = set(re.findall(r"(?<![\w/.-])hooke(?!\.json)(?:\.[A-Za-z_]\w*)+", text))
        for module, imported in re.findall(r"^from (hooke[\w.]*) import (\w[\w, ]*)$", text, re.MULTILINE):
            names |= {f"{module}.{name}" for name in imported.split(", ")}
        for name in sorted(names):
            if not resolves(name) and name.removeprefix("hooke.") not in registry.KINDS:  # names of entry points
                yield f"{page.name}: there is no {name}"
        code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
        for path in sorted(set(re.findall(r"(?<![\w/.:-])((?:[\w.-]+/)+[\w.-]*\w)", code))):
            bases = (root, root / "src" / "hooke", page.parent)
            known = path.split("/")[0] in rooms and "NAME" not in path
            if known and not any((base / path).exists() for base in bases):
                yield f"{page.name}: there is no {path}"


def resolves(name: str) -> bool:
    """Whether a dotted name is a module or something in one."""
    module, *rest = name.split(".")
    found: Any = importlib.import_module(module)
    for part in rest:
        if not hasattr(found, part):
            try:
                importlib.import_module(f"{found.__name__}.{part}")
            except (AttributeError, ModuleNotFoundError):
                return False
        found = getattr(found, part)
    return True


def problems(root: Path = ROOT) -> list[str]:
    """All that is wrong with the pages."""
    return [*part_problems(root), *signature_problems(root), *reference_problems(root)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 when something is stale or wrong"
    )
    if parser.parse_args().check:
        found = problems()
        sys.exit("\n".join(found) if found else 0)
    for page in pages(ROOT):
        text = page.read_text(encoding="utf-8")
        if (new := generated(text)) != text:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
