"""`How` a data set is prepared: the same for every kind of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class How:
    """How a data set is prepared.

    Attributes:
        workers: Processes; None takes all cores, 0 stays in this one.
        show_progress: Show progress bars.
        sections: Recipe sections of the modality that the store depends on; for molecules "encodings" and "standardise".
    """

    workers: int | None = None
    show_progress: bool = True
    sections: Mapping[str, Any] = field(default_factory=dict)


QUIET = How(workers=0, show_progress=False)  # twins
