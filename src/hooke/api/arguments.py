"""What stands behind the name of a verb: a recipe, tables of molecules, changes `a.b=c`, in any order.

A file that ends as a table does is a table, one that ends in .toml a recipe, a text with "=" a change, anything else a registered name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hooke.core.errors import UsageError
from hooke.core.paths import TABLE_SUFFIXES
from hooke.core.recipe_files import names


@dataclass(frozen=True)
class Arguments:
    """The same sorted.

    Attributes:
        recipe: A file or a registered name; None where only tables are given.
        tables: Of molecules.
        overrides: Changes of the recipe.
    """

    recipe: str | None = None
    tables: tuple[Path, ...] = ()
    overrides: tuple[str, ...] = ()


def sorted_arguments(
    recipe: str | Path | None, overrides: Sequence[str] = (), csv: Path | str | Sequence[Path | str] | None = None
) -> Arguments:
    """Sort what was given.

    Args:
        recipe: The first argument: of any kind.
        overrides: The others: changes and tables.
        csv: Tables that were named as such.

    Raises:
        UsageError: A file or folder that is none of these, or two recipes.
    """
    named = () if csv is None else (csv,) if isinstance(csv, Path | str) else tuple(csv)
    tables, changes = [Path(table) for table in named], []
    chosen: list[str] = []
    for text in [*([] if recipe is None else [str(recipe)]), *map(str, overrides)]:
        if is_table(text):
            tables.append(Path(text))
        elif "=" in text and not Path(text).exists():
            changes.append(text)
        else:
            chosen.append(_checked(text))
    if len(chosen) > 1:
        raise UsageError(
            f"{chosen[0]} and {chosen[1]} would both be recipes; changes have the form a.b=c, tables end in .csv, .sdf ..."
        )
    return Arguments(chosen[0] if chosen else None, tuple(tables), tuple(changes))


def is_table(text: str) -> bool:
    """Whether an argument is a table: it ends as one, and is a file or no change."""
    path = Path(text)
    return path.suffix.lower() in TABLE_SUFFIXES and not path.is_dir() and ("=" not in text or path.is_file())


def _checked(text: str) -> str:
    """The name of a recipe, as far as what else lies under it says.

    Raises:
        UsageError: It is a folder, or a file of another kind.
    """
    path = Path(text)
    if text in names() or text.partition("#")[0].endswith(".toml") or not path.exists():
        return text
    if path.is_dir():
        raise UsageError(f"{text} is a folder: of plate images, `hooke fit own_images data.path={text}` learns from it")
    raise UsageError(
        f"{text} is neither a table of molecules ({', '.join(TABLE_SUFFIXES)}) nor a recipe (.toml); frames of atoms: "
        f"`hooke fit own_potential data.path={text}`"
    )
