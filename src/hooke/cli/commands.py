"""How every verb reads its arguments and prints its help: examples that are not broken over lines, one name for outputs."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand

_EARLIER = {"--out": "--output"}  # spellings that scripts may still use


class Command(TyperCommand):
    """A verb whose epilog of examples is printed a line each, as it can be copied, and which takes earlier spellings of options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """With each earlier spelling as the one of today."""
        known = {name for parameter in self.params for name in parameter.opts}
        return super().parse_args(ctx, [_today(text, known) for text in args])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help, and the examples below it."""
        epilog = self.epilog or ""
        if not epilog.startswith("Example"):
            super().format_help(ctx, formatter)
            return
        self.epilog = None
        try:
            super().format_help(ctx, formatter)
        finally:
            self.epilog = epilog
        typer.echo("\n".join([" Examples", *(f"   {example}" for example in re.findall(r"`([^`]+)`", epilog)), ""]))


def as_commands(app: typer.Typer) -> None:
    """Let all verbs of an application, and those below its groups, be `Command`s."""
    for verb in app.registered_commands:
        if not (verb.cls and issubclass(verb.cls, Command)):  # plans ask verbs for theirs
            verb.cls = Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            as_commands(group.typer_instance)


def _today(text: Any, known: set[str]) -> Any:
    name, equals, value = str(text).partition("=")
    if name in _EARLIER and name not in known and _EARLIER[name] in known:
        return f"{_EARLIER[name]}{equals}{value}"
    return text
