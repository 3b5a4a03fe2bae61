"""Environments of directed edges compiled (extra "fast", numba): which edges of a batch carry equal messages.

Two edges whose atoms and bonds look alike up to t bonds back carry equal messages at step t of message passing along directed edges, so
the message is computed once. Environments are compared exactly: hashes only say where to look.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np


class Classes(NamedTuple):
    """Items put into classes of equals, and what each class sums.

    Attributes:
        of_item: (N,) int64 class of each item, numbered in the order of their first items.
        base: (R,) int64 what the class starts from.
        added: (T,) int64 what it adds to that.
        offsets: (R + 1,) int64; class r adds added[offsets[r]:offsets[r + 1]].
    """

    of_item: np.ndarray
    base: np.ndarray
    added: np.ndarray
    offsets: np.ndarray


class EqualRows(NamedTuple):
    """Rows put into groups of equals.

    Attributes:
        group: (N,) int64 group of each row, numbered in the order of their first rows.
        first: (R,) int64 the first row of each group.
        order: (N,) int64 the rows sorted by group.
        offsets: (R + 1,) int64; order[offsets[r]:offsets[r + 1]] are the rows of group r.
    """

    group: np.ndarray
    first: np.ndarray
    order: np.ndarray
    offsets: np.ndarray


def equal_rows(keys: np.ndarray, values: np.ndarray) -> EqualRows:
    """Groups of rows with equal keys and equal bits.

    Args:
        keys: (N,) int64.
        values: (N, width) int32: bits of numbers.
    """
    group, first = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    count = number_rows(keys, np.ascontiguousarray(values), group, first)
    order, offsets = np.empty(len(keys), np.int64), np.zeros(count + 1, np.int64)
    sort_groups(group, order, offsets)
    return EqualRows(group, first[:count], order, offsets)


def edge_classes(
    base: np.ndarray, states: np.ndarray, source: np.ndarray, reverse: np.ndarray, offsets: np.ndarray, distinct: bool
) -> Classes:
    """Classes of edges v→w by their own kind and by what arrives at v, but for what w itself sends.

    Args:
        base: (E,) kind of each edge.
        states: (E,) class of each edge one step before.
        source: (E,) node that each edge leaves.
        reverse: (E,) edge of the same bond in the other direction.
        offsets: (V + 1,) edges offsets[v]:offsets[v + 1] arrive at node v.
        distinct: Whether equal edges share a class; else each has its own.
    """
    return _classes(base, states, source, reverse, offsets, distinct)


def node_classes(base: np.ndarray, states: np.ndarray, offsets: np.ndarray) -> Classes:
    """Classes of nodes by their own kind and by what arrives.

    Args:
        base: (V,) kind of each node.
        states: (E,) class of each edge.
        offsets: (V + 1,) edges offsets[v]:offsets[v + 1] arrive at node v.
    """
    nodes = np.arange(len(base))
    return _classes(base, states, nodes, np.full(len(base), -1), offsets, True)


def _classes(
    base: np.ndarray, states: np.ndarray, place: np.ndarray, left_out: np.ndarray, offsets: np.ndarray, distinct: bool
) -> Classes:
    items = len(base)
    of_item, bases = np.empty(items, np.int64), np.empty(items, np.int64)
    lists, starts = np.empty(list_length(place, offsets), np.int64), np.empty(items + 1, np.int64)
    count = number_lists(base, states, place, left_out, offsets, distinct, of_item, bases, lists, starts)
    return Classes(of_item, bases[:count], lists[: starts[count]], starts[: count + 1])


@numba.njit(cache=True, nogil=True)
def mixed(value):  # type: ignore[no-untyped-def]
    """A hash of 64 bits: the finaliser of splitmix64 (Steele et al. 2014, doi 10.1145/2660193.2660195)."""
    value = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def table_size(items):  # type: ignore[no-untyped-def]
    """A power of two of at least twice as many places."""
    size = 16
    while size < 2 * items:
        size *= 2
    return size


@numba.njit(cache=True, nogil=True)
def number_rows(keys, values, of_row, first):  # type: ignore[no-untyped-def]
    """Number the rows; returns how many classes there are."""
    size = table_size(len(keys))
    table, mask, count = np.full(size, -1, np.int64), np.uint64(size - 1), 0
    for row in range(len(keys)):
        code = mixed(keys[row])
        for column in range(values.shape[1]):
            code = mixed(code ^ np.uint64(values[row, column]))
        slot = code & mask
        while True:
            known = table[slot]
            if known < 0:
                table[slot], first[count], of_row[row] = count, row, count
                count += 1
                break
            other = first[known]
            equal = keys[other] == keys[row]
            for column in range(values.shape[1]):
                equal = equal and values[other, column] == values[row, column]
            if equal:
                of_row[row] = known
                break
            slot = (slot + np.uint64(1)) & mask
    return count


@numba.njit(cache=True, nogil=True)
def sort_groups(group, order, offsets):  # type: ignore[no-untyped-def]
    """Sort items by group; `offsets` are zeros."""
    for item in range(len(group)):
        offsets[group[item] + 1] += 1
    for number in range(1, len(offsets)):
        offsets[number] += offsets[number - 1]
    filled = offsets[:-1].copy()
    for item in range(len(group)):
        order[filled[group[item]]] = item
        filled[group[item]] += 1


@numba.njit(cache=True, nogil=True)
def list_length(place, offsets):  # type: ignore[no-untyped-def]
    """Entries of all lists together, at most."""
    total = 0
    for node in place:
        total += offsets[node + 1] - offsets[node]
    return total


@numba.njit(cache=True, nogil=True)
def number_lists(base, states, place, left_out, offsets, distinct, of_item, bases, lists, starts):  # type: ignore[no-untyped-def]
    """Number items by base and by their lists as sets with repeats; writes the lists of the classes, returns how many there are."""
    size = table_size(len(base))
    table, mask, count, end = np.full(size, -1, np.int64), np.uint64(size - 1), 0, 0
    codes = np.empty(len(base), np.uint64)
    starts[0] = 0
    for item in range(len(base)):
        stop, code = end, mixed(base[item])
        for edge in range(offsets[place[item]], offsets[place[item] + 1]):
            if edge != left_out[item]:
                state = states[edge]
                slot = stop  # sorted, so that equal lists are equal entry by entry
                while slot > end and lists[slot - 1] > state:
                    lists[slot] = lists[slot - 1]
                    slot -= 1
                lists[slot] = state
                stop += 1
                code += mixed(np.uint64(state) ^ np.uint64(0x5851F42D4C957F2D))
        code = mixed(code)
        spot = code & mask
        while True:
            known = table[spot]
            if known < 0 or not distinct:
                table[spot], codes[count], bases[count], of_item[item] = count, code, base[item], count
                count += 1
                end = stop
                starts[count] = end
                break
            equal = (
                codes[known] == code and bases[known] == base[item] and starts[known + 1] - starts[known] == stop - end
            )
            if equal:
                for entry in range(stop - end):
                    equal = equal and lists[starts[known] + entry] == lists[end + entry]
            if equal:
                of_item[item] = known
                break
            spot = (spot + np.uint64(1)) & mask
    return count
