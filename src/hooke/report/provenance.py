"""How to get a report's numbers again: recipes as TOML, versions, commands, whom to cite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hooke.core.citations import CITATIONS
from hooke.report.schema import Reference, Reproduce, Text


def reproduce(
    *,
    commands: Mapping[str, str],
    recipes: Mapping[str, Mapping[str, Any]],
    run: Mapping[str, Any],
    facts: Mapping[str, object] | None = None,
    citations: Sequence[str] = (),
) -> Reproduce:
    """The last section.

    Args:
        commands: What it does -> the command.
        recipes: Title -> resolved recipe (recipe.json of a run).
        run: run.json of the run that the numbers come from.
        facts: Further facts about the run.
        citations: Names in `core.citations`.
    """
    environment: dict[str, object] = dict(facts or {})
    for field in ("started", "finished", "seconds", "device", "parameters", "peak_memory_mb", "data_hash", "identity"):
        if field in run:
            environment[field.replace("_", " ")] = run[field]
    environment |= dict(run.get("machine", {}))
    environment |= dict(run.get("versions", {}))
    return Reproduce(
        tuple(Text(title, text) for title, text in commands.items()),
        tuple(Text(title, to_toml(recipe)) for title, recipe in recipes.items()),
        tuple((name, str(value)) for name, value in environment.items() if value is not None),
        references(citations),
    )


def references(names: Iterable[str]) -> tuple[Reference, ...]:
    """References by their names in `core.citations`, each publication once."""
    found: dict[str, Reference] = {}
    for publication in (publication for name in names for publication in CITATIONS[name]):
        kind, _, value = publication.identifier.partition(":")
        address = {"doi": f"https://doi.org/{value}", "arXiv": f"https://arxiv.org/abs/{value}"}
        year = f" ({publication.year})" if publication.year else ""
        authors = publication.authors.replace(" and others", " et al.").replace(" and ", "; ")
        text = f"{authors}{year}. {publication.title}. {publication.venue}.".replace("--", "–").replace("–-", "—")
        url = address.get(kind, publication.identifier)
        found[publication.key] = Reference(publication.key, text, publication.bibtex(), url)
    return tuple(found.values())


def to_toml(recipe: Mapping[str, Any]) -> str:
    """A nested dictionary as TOML; None is left out, since TOML has no such value."""
    return "\n".join(_table(recipe, ())).strip() + "\n"


def _table(mapping: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in mapping.items() if value is not None and not isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    if path and (plain or not mapping):
        lines = ["", f"[{'.'.join(map(_key, path))}]", *lines]
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            lines += _table(value, (*path, key))
    return lines


def _key(key: str) -> str:
    return key if key and all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)  # nan and inf are TOML's words too
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items() if part is not None) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(part) for part in value if part is not None) + "]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
