"""What was meant by a key that a recipe does not know: the nearest in its own table, or the same in another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hooke.core.errors import UnknownNameError, nearest

_TERMS = {  # of other libraries
    "gpus": "devices", "num_nodes": "nodes", "hidden_size": "width", "hidden_dim": "width", "layers": "depth", "num_layers": "depth",
    "num_workers": "workers", "split": "kind",
}  # fmt: skip
_CLOSE = 0.75  # similarity from which a key of another table is offered


class UnknownKeyError(UnknownNameError):
    """A key that is not in its table; the message offers what was meant, wherever it stands."""

    def __init__(self, key: str, valid: Iterable[str], elsewhere: Sequence[str] = ()) -> None:
        valid = list(valid)
        super().__init__("key", key, valid, near=meant(key, valid, elsewhere))
        self.elsewhere = tuple(elsewhere)

    def __reduce__(self) -> tuple[type[UnknownKeyError], tuple[str, list[str], tuple[str, ...]]]:  # type: ignore[override]
        """So that it crosses from a worker process whole."""
        return type(self), (self.name, self.valid, self.elsewhere)


def meant(key: str, valid: Sequence[str], elsewhere: Sequence[str] = ()) -> str | None:
    """The whole key that was probably meant: "train.lr" → "train.learning_rate", "epochs" → "train.epochs".

    Args:
        key: As it was given, with its table: "train.lr".
        valid: The keys of its table, each with the table's name.
        elsewhere: Those of all tables.
    """
    last = _last(key)
    ways = (
        lambda keys: next((each for each in keys if _last(each) == last), None),
        lambda keys: next((each for each in keys if _last(each) == _TERMS.get(last)), None),
        lambda keys: next((each for each in keys if _initials(_last(each)) == last), None),
    )
    for way in ways:
        for keys in (valid, elsewhere):
            if (found := way(keys)) is not None:
                return found
    for keys, cutoff in ((valid, _CLOSE), (elsewhere, _CLOSE), (valid, 0.5)):
        near = nearest(last, [_last(each) for each in keys], cutoff)
        if near is not None:
            return next(each for each in keys if _last(each) == near)
    return None


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _initials(name: str) -> str:
    """First letters of the words: lr of learning_rate; none of a single word."""
    words = name.split("_")
    return "".join(word[:1] for word in words) if len(words) > 1 else ""
