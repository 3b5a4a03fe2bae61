"""Recipes: TOML → `extends` → `a.b=c` overrides → frozen dataclasses, refused as a whole with the nearest valid names.

A published table of networks and data is one file with rows: what stands outside `[rows.NAME]` is shared, and each row changes it. Row
NAME of FAMILY.toml is the recipe FAMILY_NAME of the package, and FAMILY.toml#NAME of a file of one's own. A row may extend another row,
by its full name, instead of the shared part.

This file knows nothing of what stands in a recipe; `hooke.core.recipe` does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.key_hints import UnknownKeyError, meant
from hooke.core.machine_table import kept_in_train
from hooke.core.reading import reading

T = TypeVar("T")


def names() -> list[str]:
    """The recipes that come with Hooke."""
    return sorted(_built_in())


def source(name: str) -> str:
    """The text of the file that holds a built-in recipe, alone or as one of its rows.

    Raises:
        UnknownNameError: No such recipe.
    """
    if name not in _built_in():
        raise UnknownNameError("recipe", name, names())
    return _built_in()[name][0]


@cache
def _built_in() -> dict[str, tuple[str, str]]:
    """Name of a recipe → text of its file, and its row there ("" for none)."""
    recipes: dict[str, tuple[str, str]] = {}
    for entry in resources.files("hooke.recipes").iterdir():
        if entry.name.endswith(".toml"):
            family = entry.name.removesuffix(".toml")
            text = entry.read_text(encoding="utf-8")
            rows = tomllib.loads(text).get("rows")
            recipes |= {f"{family}_{row}": (text, row) for row in rows} if rows else {family: (text, "")}
    return recipes


def read(recipe: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A recipe as one plain dictionary: its file, what it extends, and the overrides on top.

    Args:
        recipe: A TOML file, or the name of a built-in recipe. `extends = "..."` in it names another, by file (relative
            to it) or by name; tables are merged key by key.
        overrides: "a.b=c"; c is read as TOML, and as plain text where it is not TOML. A part of the key that holds dots
            stands in quotes.

    Raises:
        UsageError: No such file, not TOML, a cycle of `extends`, or an override without "=".
    """
    with reading(str(recipe)[:200], "a recipe", raised=UsageError):
        merged = _read(str(recipe), Path.cwd(), ())
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"an override has the form a.b=c, got {override!r}")
        if key.strip().startswith("machine."):
            change: dict[str, Any] = {}
            _assign(change, _keys(key.strip()), _value(text.strip()), override)
            merged = kept_in_train({**merged, **change})
            continue
        before = dict(merged["model"]) if isinstance(merged.get("model"), dict) else None
        _assign(merged, _keys(key.strip()), _value(text.strip()), override)
        if key.strip() == "model.name" and before is not None:
            merged["model"] = _of_one_kind(before, merged["model"])
    return merged


def stated(recipe: str | Path | None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a user's own recipe file, with the files that it extends, and overrides say by themselves, as nested tables.

    Recipes that come with Hooke state nothing here: whoever names one means its data and training.

    Raises:
        UsageError: See `read`.
    """
    tables: dict[str, Any] = {}
    if recipe is not None:
        with reading(str(recipe)[:200], "a recipe", raised=UsageError):
            tables = _read(str(recipe), Path.cwd(), (), built_in=False)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"an override has the form a.b=c, got {override!r}")
        _assign(tables, _keys(key.strip()), _value(text.strip()), override)
    return kept_in_train(tables)


def _of_one_kind(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The table of a renamed model: the options of a network are none of an estimator's, and the other way round."""
    estimators = registry.names("estimators")
    same = (before.get("name") in estimators) == (after["name"] in estimators)
    return dict(after) if same else {"name": after["name"]}


def _read(recipe: str, folder: Path | None, seen: tuple[str, ...], *, built_in: bool = True) -> dict[str, Any]:
    """A recipe merged with what it extends; without `built_in`, what comes with Hooke is left out.

    Files are relative to a folder, of which built-in recipes know none.
    """
    file, _, row = recipe.partition("#")
    path = ((folder or Path()) / file).expanduser()
    if folder is not None and recipe in _built_in() and path.is_file():
        raise UsageError(
            f"{recipe} is a recipe of Hooke and also the file {path}: write ./{recipe} for the file, or rename it"
        )
    if folder is not None and (file.endswith(".toml") or path.is_file()):
        if not path.is_file():
            raise UsageError(f"there is no recipe file {file}")
        with reading(path, raised=UsageError):
            data = path.read_bytes()
        identity, name = f"{path.resolve()}{'#' * bool(row)}{row}", path.stem
        name += f"_{row}" if row else ""
        beside: Path | None = path.parent
    elif recipe in _built_in():
        if not built_in:
            return {}
        text, row = _built_in()[recipe]
        identity, data, name, beside = recipe, text.encode(), recipe, None
    else:
        raise UnknownNameError("recipe", recipe, names())
    if identity in seen:
        raise UsageError("recipes extend each other in a circle: " + " -> ".join((*seen, identity)))
    content = parsed_toml(data, recipe)
    content = kept_in_train(_row(content, row, recipe))
    base = content.pop("extends", None)
    content.setdefault("name", name)
    if base is None:
        return content
    if not isinstance(base, str):
        raise UsageError(f"{recipe}: extends must name one recipe, got {base!r}")
    inherited = _read(base, beside, (*seen, identity), built_in=built_in)
    return merge(inherited, content)


def _row(content: dict[str, Any], row: str, recipe: str) -> dict[str, Any]:
    """A row of a file with rows: what it changes on the shared part, or alone where it extends another recipe.

    Raises:
        UsageError: A row is missing, or named where there is none.
    """
    rows = content.pop("rows", None)
    if rows is None and not row:
        return content
    if not isinstance(rows, dict) or not all(isinstance(each, dict) for each in rows.values()):
        raise UsageError(f"{recipe}: a file with rows has tables [rows.NAME]; this one has none")
    if not row:
        raise UsageError(
            f"{recipe} holds the rows {', '.join(rows)}; name one of them: {recipe}#{next(iter(rows), '')}"
        )
    if row not in rows:
        raise UnknownNameError("row", row, list(rows))
    change = rows[row]
    return change if "extends" in change else merge(content, change)


def parsed_toml(data: bytes, what: Path | str) -> dict[str, Any]:
    """A TOML document.

    Raises:
        UsageError: It is not UTF-8, or not TOML.
    """
    with reading(what, "TOML", raised=UsageError):
        return tomllib.loads(data.decode())


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Two recipes, the second winning key by key inside tables.

    A table that gives another `name` replaces the options of the first: they belong to the other model or data set.
    """
    out = dict(base)
    for key, value in change.items():
        old = out.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            renamed = "name" in value and value["name"] != old.get("name")
            out[key] = dict(value) if renamed else merge(old, value)
        else:
            out[key] = value
    return out


def _keys(text: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|([^."]+)', text)]


def _value(text: str) -> Any:
    try:
        return parsed_toml(f"value = {text}".encode(), text)["value"]
    except UsageError:
        return text


def _assign(mapping: dict[str, Any], keys: list[str], value: Any, override: str) -> None:
    for key in keys[:-1]:
        inner = mapping.setdefault(key, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{override!r}: {key!r} is a value, not a table")
        mapping = inner
    mapping[keys[-1]] = value


def build(cls: type[T], mapping: Mapping[str, Any], where: str = "", elsewhere: Sequence[str] = ()) -> T:
    """Check a mapping against a frozen dataclass and build it; every problem is reported at once.

    Args:
        cls: The dataclass.
        mapping: Its fields.
        where: Name of the table in the recipe.
        elsewhere: Keys of the other tables, which may have been meant.

    Raises:
        UnknownKeyError: Keys that the dataclass lacks are the only problem and there is one; offers the nearest.
        UsageError: Anything else: several problems, wrong types, values out of range.
    """
    from pydantic import ValidationError

    if not is_dataclass(cls):
        raise TypeError(f"{cls} is not a dataclass")
    unknown, found = [], {}
    for key, valid, problem in _checked(cls, mapping, where):
        if valid is None:
            found[key] = f"{key}: {problem}"
        else:
            unknown.append((key, valid))
    built = None
    try:
        built = _adapter(cls).validate_python(dict(mapping))
    except ValidationError as error:
        for entry in error.errors():
            if entry["type"] not in ("unexpected_keyword_argument", "extra_forbidden"):
                place = ".".join(str(part) for part in (where, *entry["loc"]) if part != "")
                found.setdefault(place, _problem(place, entry))
    problems = list(found.values())
    if len(unknown) == 1 and not problems:
        raise UnknownKeyError(*unknown[0], elsewhere)
    for key, valid in unknown:
        near = meant(key, valid, elsewhere)
        problems.append(f"{key}: unknown key" + (f"; did you mean {near!r}?" if near else ""))
    if problems or built is None:
        raise UsageError("invalid recipe:\n  " + "\n  ".join(problems))
    return built


def _problem(place: str, entry: Any) -> str:
    message = entry["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(entry["input"], Mapping) else f", got {entry['input']!r}"
    return (f"{place}: " if place else "") + message + shown


@cache
def _adapter(cls: type[Any]) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    if not hasattr(cls, "__pydantic_config__"):
        config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
        cls.__pydantic_config__ = config
    return TypeAdapter(cls)


def _checked(cls: Any, mapping: Mapping[str, Any], where: str) -> Iterator[tuple[str, list[str] | None, str]]:
    """Unknown keys with the valid ones, and truth values given as numbers, which pydantic would let through."""
    hints = get_type_hints(cls)
    known = sorted(field.name for field in fields(cls))
    prefix = f"{where}." if where else ""
    for key, value in mapping.items():
        if key not in known:
            yield prefix + key, [prefix + name for name in known], ""
        elif isinstance(value, Mapping) and is_dataclass(hints[key]):
            yield from _checked(hints[key], value, prefix + key)
        elif isinstance(value, Mapping) and (tables := [part for part in get_args(hints[key]) if is_dataclass(part)]):
            for name, table in value.items():  # [data.tables.NAME]
                if isinstance(table, Mapping):
                    yield from _checked(tables[0], table, f"{prefix}{key}.{name}")
        elif hints[key] in (int, float) and isinstance(value, bool):
            yield prefix + key, None, f"should be a number, got {value!r}"
