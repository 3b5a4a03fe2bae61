"""Classes that are written as words: their order, and which words stand for classes wherever they are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MOST_CLASSES = 50
_SCALES = (  # words of one scale, from the lowest class; words of one place mean the same
    ("very low", "low", "medium moderate intermediate mid middle average", "high", "very high"),
    ("none", "weak", "moderate medium", "strong"),
    ("poor bad", "fair moderate", "good", "excellent"),
    ("slow", "medium moderate", "fast"),
    ("small", "medium", "large"),
    ("mild", "moderate", "severe"),
    ("negative neg", "equivocal inconclusive", "positive pos"),
    ("inactive", "inconclusive unspecified intermediate", "active", "very active"),
    ("no n", "maybe", "yes y"),
    ("false f", "true t"),
    ("fail failed", "pass passed"),
    ("off", "on"),
    ("absent", "present"),
    ("insoluble", "soluble"),
    ("unstable", "stable"),
    ("impermeable non-permeable", "permeable"),
    ("nontoxic non-toxic safe", "toxic"),
    ("nonbinder non-binder non-binding", "binder binding"),
    ("noninhibitor non-inhibitor", "inhibitor"),
    ("nonblocker non-blocker", "blocker"),
    ("nonsubstrate non-substrate", "substrate"),
    ("nonmutagen non-mutagen nonmutagenic non-mutagenic", "mutagen mutagenic"),
    ("decoy", "ligand active"),
    ("miss", "hit"),
)
_TWO_WORDS = ("very low", "very high", "very active")


def _places(scale: Sequence[str]) -> dict[str, int]:
    words = ([entry] if entry in _TWO_WORDS else entry.split() for entry in scale)
    return {word: place for place, group in enumerate(words) for word in group}


_KNOWN = tuple(map(_places, _SCALES))


def are_known(names: Sequence[str]) -> bool:
    """Whether all words are of one scale, such as low, medium and high, so that they are classes and no comments."""
    return _scale_of(names) is not None


def ordered(names: Mapping[str, str]) -> tuple[str, ...]:
    """The names of classes in their order: as their scale has them, else by the alphabet.

    Args:
        names: In lower case → as they are written.
    """
    scale = _scale_of(list(names)) or {}
    return tuple(names[word] for word in sorted(names, key=lambda word: (scale.get(word, 0), word)))


def place_of(text: str, names: Sequence[str]) -> int | None:
    """The number of the class of this name, upper and lower case alike; None if there is none."""
    wanted = text.strip().lower()
    return next((place for place, name in enumerate(names) if name.lower() == wanted), None)


def _scale_of(names: Sequence[str]) -> dict[str, int] | None:
    words = {name.lower() for name in names}
    return next((places for places in _KNOWN if words <= places.keys()), None)
