"""What the explore page asks of a map: names, neighbours, heat maps, known relations, places on the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hooke.cells.entities import hierarchical_order, layout
from hooke.cells.profiles import Profiles
from hooke.core.errors import UnknownNameError, UsageError
from hooke.evaluate.known_pairs import KnownPairs

MOST_IN_HEAT_MAP = 300
TAIL = 0.05
_SAMPLED_PAIRS = 200_000
_BLOCK = 20_000
_CLUSTERS, _PER_CLUSTER = 8, 3  # as many as there are colours, and entities that a cluster has on average at least


class MapView:
    """A map ready for questions; every answer costs at most one pass over the unit vectors."""

    def __init__(
        self,
        profiles: Profiles,
        *,
        known: Mapping[str, KnownPairs] | None = None,
        coordinates: tuple[np.ndarray, str] | None = None,
        title: str = "map",
        hits: Mapping[str, bool] | None = None,
    ) -> None:
        """Prepare a map.

        Args:
            profiles: One row an entity, with the columns entity and kind, as `build_map` makes them.
            known: Known pairs, by source.
            coordinates: (n, 2) places on the plane and the name of their method; made here when None.
            title: Shown on the page.
            hits: Entity → whether it was called a hit; None without hit calls.
        """
        self.profiles, self.title, self.hits = profiles, title, hits
        names = profiles.column("entity").astype(str)
        if len(np.unique(names)) != len(names):
            raise UsageError("a map has one row an entity; build it with `hooke map build` first")
        lengths = np.maximum(np.linalg.norm(profiles.values, axis=1, keepdims=True), 1e-12)
        self._unit = profiles.values / lengths
        self.names = names
        self._places = {str(name): place for place, name in enumerate(names)}
        self._folded = [str(name).casefold() for name in names]
        self._by_folded: dict[str, int] = {}
        for place, name in enumerate(self._folded):
            self._by_folded.setdefault(name, place)
        self.kinds = profiles.column("kind") if "kind" in profiles.metadata.columns else np.full(len(names), "gene")
        self.coordinates, self.method = coordinates or layout(profiles.values)
        self.sources = tuple(known or {})
        self._keys, self._marks = self._relations(known or {})
        self.tails = self._tails()

    def __len__(self) -> int:
        return len(self.names)

    def summary(self) -> dict[str, Any]:
        """What the page shows first."""
        return {
            "title": self.title, "entities": len(self), "dim": self.profiles.dim, "layout": self.method,
            "kinds": {str(kind): int(count) for kind, count in zip(*np.unique(self.kinds, return_counts=True), strict=True)},
            "sources": list(self.sources), "relations": len(self._keys),
            "tails": [round(tail, 4) for tail in self.tails], "recalled": self._recalled(), "chance": 2 * TAIL,
        }  # fmt: skip

    def _tails(self) -> tuple[float, float]:
        """The cosines below and above which `TAIL` of all pairs lie, from all pairs of a small map or a sample of a large one."""
        count = len(self)
        if count * (count - 1) // 2 <= _SAMPLED_PAIRS:
            first, second = np.triu_indices(count, 1)
        else:
            generator = np.random.default_rng(0)
            first = generator.integers(0, count, _SAMPLED_PAIRS)
            second = (first + generator.integers(1, count, _SAMPLED_PAIRS)) % count
        if not len(first):
            return -1.0, 1.0
        low, high = np.quantile(self._cosines(first, second), [TAIL, 1 - TAIL])
        return float(low), float(high)

    def _recalled(self) -> float | None:
        """The share of the known pairs in either tail; None without any."""
        if not len(self._keys):
            return None
        cosines = self._cosines(self._keys // len(self), self._keys % len(self))
        return round(float(((cosines <= self.tails[0]) | (cosines >= self.tails[1])).mean()), 4)

    def _cosines(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of pairs of rows, block by block."""
        parts = [slice(start, start + _BLOCK) for start in range(0, len(first), _BLOCK)]
        return np.concatenate(
            [np.einsum("pd,pd->p", self._unit[first[part]], self._unit[second[part]]) for part in parts]
        )

    def points(self) -> dict[str, Any]:
        """Every entity with its place on the plane, scaled to 0..1, its kind, and what the points can be coloured by."""
        middle = (self.coordinates.min(axis=0) + self.coordinates.max(axis=0)) / 2
        reach = np.maximum(np.ptp(self.coordinates, axis=0).max(), 1e-12)
        places = np.round((self.coordinates - middle) / reach + 0.5, 4)
        kinds, codes = np.unique(self.kinds, return_inverse=True)
        return {
            "names": self.names.tolist(), "x": places[:, 0].tolist(), "y": places[:, 1].tolist(),
            "kinds": kinds.tolist(), "kind": codes.tolist(), "colourings": self._colourings(kinds, codes),
        }  # fmt: skip

    def _colourings(self, kinds: np.ndarray, codes: np.ndarray) -> list[dict[str, Any]]:
        """Name with classes and the class of each entity (-1: not known), or with a number of each entity (None: not known)."""
        found: list[dict[str, Any]] = [
            {"name": "kind", "classes": [str(kind) for kind in kinds], "values": codes.tolist()}
        ]
        if self.hits is not None:
            called = [int(self.hits[name]) if name in self.hits else -1 for name in self.names.tolist()]
            found.append({"name": "hit", "classes": ["no hit", "hit"], "values": called})
        columns = self.profiles.metadata
        if "cell_count" in columns.columns and columns["cell_count"].dtype.is_numeric():
            counts = columns["cell_count"].to_numpy().astype(float)
            numbers = [round(float(count), 1) if np.isfinite(count) else None for count in counts]
            found.append({"name": "cell count", "numbers": numbers})
        clusters = self._clusters()
        if clusters is not None:
            names = [f"cluster {number}" for number in range(1, int(clusters.max()) + 2)]
            found.append({"name": "cluster", "classes": names, "values": clusters.tolist()})
        return found

    def _clusters(self) -> np.ndarray | None:
        """(n,) cluster of each entity, the largest first: k-means of the unit vectors; None for fewer than 6 entities."""
        if len(self) < 2 * _PER_CLUSTER:
            return None
        from sklearn.cluster import MiniBatchKMeans

        count = min(_CLUSTERS, len(self) // _PER_CLUSTER)
        labels = MiniBatchKMeans(count, n_init=3, batch_size=2048, random_state=0).fit(self._unit).labels_
        used, places, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        ranks = np.empty(len(used), np.int64)
        ranks[np.argsort(-sizes, kind="stable")] = np.arange(len(used))
        return ranks[places]

    def search(self, text: str, limit: int = 12) -> list[str]:
        """Names that begin with the text, then those that contain it."""
        wanted = text.strip().casefold()
        if not wanted:
            return []
        begins = [place for place, name in enumerate(self._folded) if name.startswith(wanted)]
        begins.sort(key=lambda place: (len(self._folded[place]), self._folded[place]))
        inside = (place for place, name in enumerate(self._folded) if wanted in name and not name.startswith(wanted))
        chosen = begins[:limit]
        for place in inside:
            if len(chosen) >= limit:
                break
            chosen.append(place)
        return [str(self.names[place]) for place in chosen]

    def place(self, name: str) -> int:
        """The row of an entity; letter case does not count.

        Raises:
            UnknownNameError: Not in the map; the message offers the nearest.
        """
        place = self._look_up(name)
        if place is None:
            raise UnknownNameError("entity of the map", name, self._places)
        return place

    def _look_up(self, name: str) -> int | None:
        """The row of an entity, or None: a look at a table, however many names are asked for."""
        place = self._places.get(name)
        return self._by_folded.get(name.strip().casefold()) if place is None else place

    def neighbours(self, name: str, count: int = 15) -> dict[str, Any]:
        """The most similar and the most opposite entities, with their cosine and the sources that know the pair.

        No entity is in both lists: in a small map each takes its half of the others.
        """
        place = self.place(name)
        cosines = self._unit @ self._unit[place]
        cosines[place] = np.nan
        others = len(self) - 1
        count = max(0, count)
        similar, opposite = min(count, (others + 1) // 2), min(count, others // 2)
        order = np.argsort(cosines, kind="stable")[:others]
        about = self.profiles.metadata.row(place, named=True)
        shown = {key: value for key, value in about.items() if value not in (None, "")}
        return {
            "name": str(self.names[place]), "place": place, "about": shown,
            "similar": self._rows(place, order[::-1][:similar], cosines),
            "opposite": self._rows(place, order[:opposite], cosines),
            "known": self._known_of(place, cosines),
        }  # fmt: skip

    def heat_map(self, names: Sequence[str]) -> dict[str, Any]:
        """Cosines among some entities in hierarchical order, and which pairs are known; unknown names are listed.

        Raises:
            UsageError: Fewer than two names are in the map, or too many.
        """
        unique = dict.fromkeys(name.strip() for name in names if name.strip())
        places = {name: self._look_up(name) for name in unique}
        missing = [name for name, place in places.items() if place is None]
        rows = np.array(list(dict.fromkeys(place for place in places.values() if place is not None)), np.int64)
        if not 2 <= len(rows) <= MOST_IN_HEAT_MAP:
            raise UsageError(f"a heat map takes 2 to {MOST_IN_HEAT_MAP} entities of the map, these are {len(rows)}")
        rows = rows[hierarchical_order(self._unit[rows])]
        cosines = self._unit[rows] @ self._unit[rows].T
        first, second = np.triu_indices(len(rows), 1)
        marks = self._mark(rows[first], rows[second])
        related = [
            [int(first[pair]), int(second[pair]), self._source_names(marks[pair])] for pair in np.flatnonzero(marks)
        ]
        return {
            "names": self.names[rows].tolist(), "cosines": np.round(cosines, 3).tolist(), "related": related,
            "missing": missing,
        }  # fmt: skip

    def _rows(self, place: int, rows: np.ndarray, cosines: np.ndarray) -> list[dict[str, Any]]:
        marks = self._mark(np.full(len(rows), place), rows)
        return [
            {
                "name": str(self.names[row]), "place": int(row), "kind": str(self.kinds[row]),
                "cosine": round(float(cosines[row]), 4), "known": self._source_names(mark),
            }
            for row, mark in zip(rows, marks, strict=True)
        ]  # fmt: skip

    def _known_of(self, place: int, cosines: np.ndarray) -> list[dict[str, Any]]:
        """All known partners, the most similar first, with the share of the map that is less similar."""
        others = np.flatnonzero(self._mark(np.full(len(self), place), np.arange(len(self))))
        others = others[np.argsort(-cosines[others], kind="stable")]
        found = self._rows(place, others[:200], cosines)
        ordered = np.sort(cosines[~np.isnan(cosines)])
        for entry in found:
            entry["rank"] = round(float(np.searchsorted(ordered, entry["cosine"]) / len(ordered)), 4)
        return found

    def _relations(self, known: Mapping[str, KnownPairs]) -> tuple[np.ndarray, np.ndarray]:
        """Sorted keys first * n + second of all known pairs in the map, and a bit for each source."""
        keys, bits = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for number, pairs in enumerate(known.values()):
            places = pairs.places(self.names)
            keys.append(places[:, 0] * len(self) + places[:, 1])
            bits.append(np.full(len(places), 1 << number))
        unique, inverse = np.unique(np.concatenate(keys), return_inverse=True)
        marks = np.zeros(len(unique), np.int64)
        np.bitwise_or.at(marks, inverse, np.concatenate(bits))
        return unique, marks

    def _mark(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        keys = np.minimum(first, second) * len(self) + np.maximum(first, second)
        if not len(self._keys):
            return np.zeros(len(keys), np.int64)
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[found] == keys, self._marks[found], 0)

    def _source_names(self, mark: int) -> list[str]:
        return [source for number, source in enumerate(self.sources) if int(mark) >> number & 1]
