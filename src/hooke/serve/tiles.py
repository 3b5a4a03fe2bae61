"""Pictures of an entity's wells beside controls of the same plates, out of an image store."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import polars as pl

from hooke.cells.entities import entities_of
from hooke.core.errors import UnknownNameError
from hooke.core.png import encode_png

COLOURS = np.array(
    [[0.25, 0.45, 1.0], [0.2, 0.9, 0.35], [1.0, 0.25, 0.25], [1.0, 0.85, 0.2], [0.9, 0.3, 0.95], [0.3, 0.9, 0.95]]
)


class Images(Protocol):
    """What is needed of an image store."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Names."""

    @property
    def metadata(self) -> pl.DataFrame:
        """One row a field."""

    @property
    def sizes(self) -> np.ndarray:
        """(fields, 2) height and width."""

    @property
    def simulated(self) -> bool:
        """Whether no microscope took them."""

    def read_crops(self, rows: Any, top: Any, left: Any, size: tuple[int, int], channels: Any = None) -> np.ndarray:
        """(n, C, height, width) crops."""


class Tiles:
    """Fields of entities and of controls, and their pictures."""

    def __init__(self, images: Images, *, size: int = 192) -> None:
        self.images, self.size = images, size
        table = images.metadata
        about = entities_of(table)
        self._entity = about["entity"].to_numpy().astype(str)
        text = (
            about[name].cast(pl.String).fill_null("")
            if name in table.columns
            else pl.Series(["" for _ in range(len(table))])
            for name in ("control", "experiment", "plate", "well", "site")
        )
        self._control, self._experiment, self._plate, self._well, self._site = (
            part.to_numpy().astype(str) for part in text
        )
        self._scales: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def fields(self, entity: str, count: int = 4) -> dict[str, list[dict[str, Any]]]:
        """Fields of an entity, on different plates first, and as many controls of the same plates.

        Returns:
            "entity" and "controls": entries with row, experiment, plate, well and site.
        """
        treated = self._spread(np.flatnonzero((self._entity == entity) & (self._control == "")), count)
        used: list[int] = []
        for row in treated:
            same = self._plates() == self._plates()[row]
            free = np.setdiff1d(np.flatnonzero((self._control == "negative") & same), used)
            used += free[:1].tolist()
        return {"entity": [self._about(row) for row in treated], "controls": [self._about(row) for row in used]}

    def channels(self) -> list[dict[str, str]]:
        """Name and colour of every channel."""
        names = self.images.channels
        return [
            {"name": name, "colour": "#" + "".join(f"{round(255 * part):02x}" for part in colour)}
            for name, colour in zip(names, self._colours(), strict=True)
        ]

    def _colours(self) -> np.ndarray:
        count = len(self.images.channels)
        return COLOURS[np.arange(count) % len(COLOURS)] if count > 1 else np.ones((1, 3))

    def png(self, row: int, channel: str = "") -> bytes:
        """A field's centre, scaled by the controls of its plate, so that pictures can be compared.

        Args:
            row: Of the field.
            channel: In grey; "" mixes all in false colours.

        Raises:
            UnknownNameError: No such field or channel.
        """
        if channel and channel not in self.images.channels:
            raise UnknownNameError("channel", channel, self.images.channels)
        if not 0 <= row < len(self._entity):
            raise UnknownNameError("field", str(row), [f"0 to {len(self._entity) - 1}"])
        low, high = self._scale(row)
        pixels = (self._crop(row).astype(np.float32) - low[:, None, None]) / (high - low)[:, None, None]
        if channel:
            grey = pixels[self.images.channels.index(channel)]
            mixed = np.repeat(grey[:, :, None], 3, axis=2)
        else:
            mixed = np.tensordot(np.clip(pixels, 0, 1), self._colours(), axes=(0, 0)) / max(1.0, len(pixels) / 3)
        return encode_png((np.clip(mixed, 0, 1) * 255).astype(np.uint8))

    def _plates(self) -> np.ndarray:
        return np.char.add(np.char.add(self._experiment, "/"), self._plate)

    def _spread(self, rows: np.ndarray, count: int) -> list[int]:
        """Rows of as many plates and wells as possible."""
        seen: dict[str, int] = {}
        ranked = []
        for row in rows:
            plate = self._plates()[row]
            seen[plate] = seen.get(plate, 0) + 1
            ranked.append((seen[plate], int(row)))
        return [row for _, row in sorted(ranked)[:count]]

    def _about(self, row: int) -> dict[str, Any]:
        return {
            "row": int(row), "experiment": str(self._experiment[row]), "plate": str(self._plate[row]),
            "well": str(self._well[row]), "site": str(self._site[row]),
        }  # fmt: skip

    def _crop(self, row: int) -> np.ndarray:
        height, width = (int(length) for length in self.images.sizes[row])
        size = (min(self.size, height), min(self.size, width))
        top, left = (height - size[0]) // 2, (width - size[1]) // 2
        return self.images.read_crops([row], np.array([top]), np.array([left]), size)[0]

    def _scale(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        plate = self._plates()[row]
        if plate not in self._scales:
            here = self._plates() == plate
            rows = np.flatnonzero(here & (self._control == "negative"))[:4]
            pixels = [self._crop(own).reshape(len(self.images.channels), -1) for own in (rows if len(rows) else [row])]
            low, high = np.percentile(np.concatenate(pixels, axis=1), [1, 99.7], axis=1)
            self._scales[plate] = (low, np.maximum(high, low + 1))
        return self._scales[plate]
