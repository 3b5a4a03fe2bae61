"""Splits of a data set into train, valid and test rows, and the checks that a split leaks nothing.

Every splitter takes what it needs as arrays (row count, scaffold strings, cluster keys, dates) and returns a `Split` of
sorted row indices. Randomness comes only through the generator that the caller hands over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hooke.core.errors import nearest

DEFAULT_FRACTIONS = (0.8, 0.1, 0.1)
PART_WORDS = {"train": 0, "valid": 1, "test": 2, "val": 1, "validation": 1, "training": 0}  # in any case
LISTED_WORDS = 8
Rows = Sequence[int] | np.ndarray


@dataclass(frozen=True)
class Split:
    """Row indices of the three parts, each sorted, disjoint, int64.

    Attributes:
        train, valid, test: Rows.
        left_out: Why rows are in no part → how many; with the parts it adds up to all rows.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    left_out: Mapping[str, int] = field(default_factory=dict, kw_only=True)

    def without(self, reason: str, parts: Sequence[np.ndarray]) -> Split:
        """The split with smaller parts; what they lost is left out for this reason."""
        lost = sum(map(len, (self.train, self.valid, self.test))) - sum(map(len, parts))
        return Split(*parts, left_out={**self.left_out, **({reason: lost} if lost else {})})

    def labels(self, count: int) -> np.ndarray:
        """The split as one string column: "train", "valid", "test" (or "" for a row in no part)."""
        column = np.full(count, "", dtype="<U5")
        for name in ("train", "valid", "test"):
            column[getattr(self, name)] = name
        return column


def evenly_spaced(count: int, most: int) -> np.ndarray:
    """At most so many places among 0 ... count - 1, as far apart as they can be, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def part_of(split: Split, share: float, *, generator: np.random.Generator) -> Split:
    """The split with a share of its training rows, at least one; with the same generator a smaller share is a part of a larger one."""
    if share == 1:
        return split
    drawn = generator.permutation(split.train)[: max(1, round(share * len(split.train)))]
    return split.without(
        f"beyond the share of {share:g} of the training rows", (np.sort(drawn), split.valid, split.test)
    )


def thinned(
    rows: np.ndarray, groups: np.ndarray, most_groups: int, group_rows: int, *, generator: np.random.Generator
) -> np.ndarray:
    """Rows of at most so many groups, and at most so many of each; with the same generator smaller numbers give a part of larger ones.

    Args:
        rows: Sorted.
        groups: (rows,) the group of each.
        most_groups, group_rows: 0 for all.
        generator: Draws groups and rows.
    """
    names, of = np.unique(groups, return_inverse=True)
    rank = generator.permutation(len(names))[of]  # of each row's group
    order = np.lexsort((generator.permutation(len(rows)), rank))
    first = np.searchsorted(rank[order], rank[order])
    place = np.arange(len(rows)) - first  # within the group
    kept = (rank[order] < (most_groups or len(names))) & (place < (group_rows or len(rows)))
    return np.sort(rows[order[kept]])


def random_split(
    count: int, *, generator: np.random.Generator, fractions: Sequence[float] = DEFAULT_FRACTIONS
) -> Split:
    """Shuffle the rows and cut them at the cumulative fractions."""
    train_end, valid_end = _cuts(count, fractions)
    order = generator.permutation(count)
    return _split(order[:train_end], order[train_end:valid_end], order[valid_end:])


def scaffold_split(scaffolds: Sequence[Hashable], *, fractions: Sequence[float] = DEFAULT_FRACTIONS) -> Split:
    """Deterministic scaffold split: whole scaffold groups, largest first, fill train, then valid, then test.

    Ties of size are broken by the first row of the group. The test part is made of the rarest scaffolds.

    Source: the splitter of MoleculeNet (Wu et al. 2018, section 3.2).
    """
    groups = sorted(_groups(scaffolds), key=lambda rows: (-len(rows), rows[0]))
    return _fill(groups, len(scaffolds), fractions)


def scaffold_balanced_split(
    scaffolds: Sequence[Hashable],
    *,
    generator: np.random.Generator,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
) -> Split:
    """Balanced scaffold split: groups larger than half of valid or test go first, then all others in random order.

    Easier than `scaffold_split`, because test also receives common scaffolds. The two must not be compared.

    Source: Yang et al. 2019 (chemprop), "scaffold_balanced"; used by GROVER.
    """
    count = len(scaffolds)
    groups = _groups(scaffolds)
    limit = min(fractions[1], fractions[2]) * count / 2
    big = [rows for rows in groups if len(rows) > limit]
    small = [rows for rows in groups if len(rows) <= limit]
    ordered = [big[i] for i in generator.permutation(len(big))] + [small[i] for i in generator.permutation(len(small))]
    return _fill(ordered, count, fractions)


def _cuts(count: int, fractions: Sequence[float]) -> tuple[int, int]:
    if len(fractions) != 3 or min(fractions) < 0 or not np.isclose(sum(fractions), 1.0):
        raise ValueError(f"fractions must be three non-negative numbers that sum to 1, got {tuple(fractions)}")
    return round(fractions[0] * count), round((fractions[0] + fractions[1]) * count)


def _groups(keys: Sequence[Hashable]) -> list[list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _fill(groups: Sequence[Sequence[int]], count: int, fractions: Sequence[float]) -> Split:
    train_end, valid_end = _cuts(count, fractions)
    train: list[int] = []
    valid: list[int] = []
    test: list[int] = []
    for rows in groups:
        if len(train) + len(rows) <= train_end:
            train.extend(rows)
        elif len(valid) + len(rows) <= valid_end - train_end:
            valid.extend(rows)
        else:
            test.extend(rows)
    return _split(train, valid, test)


def _split(train: Rows, valid: Rows, test: Rows) -> Split:
    return Split(*(np.sort(np.asarray(part, dtype=np.int64)) for part in (train, valid, test)))


def time_split(times: np.ndarray, *, fractions: Sequence[float] = DEFAULT_FRACTIONS) -> Split:
    """The oldest rows train, the newest are the test set; rows without a time go to train. Equal times keep their order."""
    train_end, valid_end = _cuts(len(times), fractions)
    order = np.argsort(np.where(np.isnan(times), -np.inf, times), kind="stable")
    return _split(order[:train_end], order[train_end:valid_end], order[valid_end:])


def column_split(codes: np.ndarray) -> Split:
    """From a column of 0 (train), 1 (valid), 2 (test); other codes are in no part."""
    parts = [np.flatnonzero(codes == code).astype(np.int64) for code in (0, 1, 2)]
    unnamed = len(codes) - sum(map(len, parts))
    return Split(*parts, left_out={"without a part": unnamed} if unnamed else {})


def word_split(words: Sequence[str], column: str) -> Split:
    """From a column of words, `PART_WORDS`; rows with other words are in no part, and each word is said with the nearest that names one."""
    plain = [word.strip().lower() for word in words]
    found = column_split(np.array([PART_WORDS.get(word, -1) for word in plain], np.int64))
    unknown = Counter(word for word, known in zip(words, plain, strict=True) if known not in PART_WORDS)
    left_out: dict[str, int] = {}
    for place, (word, count) in enumerate(unknown.most_common()):
        near = nearest(word.strip().lower(), PART_WORDS) if word.strip() else None
        hint = f" (did you mean {near!r}?)" if near else ""
        reason = f"with {word!r} in {column!r}{hint}" if word.strip() else f"with nothing in {column!r}"
        reason = reason if place < LISTED_WORDS else f"with other words in {column!r}"
        left_out[reason] = left_out.get(reason, 0) + count
    return replace(found, left_out=left_out)


def group_split(
    keys: Sequence[Hashable], *, generator: np.random.Generator, fractions: Sequence[float] = DEFAULT_FRACTIONS
) -> Split:
    """Whole groups of equal keys (wells, plates, experiments), in random order, each to the part that lacks most rows.

    Every part with a fraction above 0 gets a group before any gets a second one, train first.
    """
    _cuts(len(keys), fractions)
    groups = _groups(keys)
    parts: list[list[int]] = [[], [], []]
    wanted = [number for number in range(3) if fractions[number] > 0]
    for place in generator.permutation(len(groups)):
        empty = [number for number in wanted if not parts[number]]
        lacking = [fractions[number] * len(keys) - len(parts[number]) for number in range(3)]
        chosen = empty[0] if empty else max(wanted, key=lambda number: lacking[number])
        parts[chosen].extend(groups[place])
    return _split(*parts)


def held_out_split(
    tested: np.ndarray, *, generator: np.random.Generator, fractions: Sequence[float] = DEFAULT_FRACTIONS
) -> Split:
    """Fixed test rows; the others are shuffled and divided between train and valid as their fractions are to each other.

    Args:
        tested: (N,) bool.
        generator: Of the validation rows.
        fractions: Of train, valid and test; the last is what `tested` says, whatever stands here.
    """
    _cuts(len(tested), fractions)
    rest = generator.permutation(np.flatnonzero(~tested))
    end = round(len(rest) * fractions[0] / (fractions[0] + fractions[1]))
    return _split(rest[:end], rest[end:], np.flatnonzero(tested))
