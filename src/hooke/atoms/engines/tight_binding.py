"""GFN2-xTB and GFN1-xTB by tblite (extra "quantum"), of open boundaries, at its electronic temperature of 300 K.

Source: Bannwarth et al. 2019 (doi:10.1021/acs.jctc.8b01176), Grimme et al. 2017 (doi:10.1021/acs.jctc.7b00118).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.atoms.engines import Computed, OneByOne, UnlabelledError, imported
from hooke.core.units import factor

_NAMES = {"gfn2": "GFN2-xTB", "gfn1": "GFN1-xTB"}


@dataclass(frozen=True)
class TbliteEngine(OneByOne):
    """See `Engine`."""

    method: str
    version: str
    frames_a_job: int = 64
    forces: bool = True
    properties: tuple[tuple[str, str], ...] = ()
    frames_a_part: int | None = None
    grid: int | None = None
    precision: str = "float64"
    caution: str = ""

    @classmethod
    def of(cls, name: str) -> TbliteEngine:
        """The engine of "gfn2" or "gfn1".

        Raises:
            UsageError: tblite is not installed.
        """
        return cls(name, "tblite " + ".".join(map(str, imported("tblite.library", name).get_version())))

    def load(self) -> None:
        """See `Engine.load`."""
        imported("tblite.interface", self.method)

    def compute(self, numbers: np.ndarray, positions: np.ndarray, charge: int, multiplicity: int) -> Computed:
        """See `Engine.compute`."""
        interface, exceptions = imported("tblite.interface", self.method), imported("tblite.exceptions", self.method)
        lines: list[str] = []
        try:
            calculator = interface.Calculator(
                _NAMES[self.method], numbers.astype(np.int32), positions * factor("angstrom", "bohr"), float(charge),
                multiplicity - 1, color=False, logger=lines.append,
            )  # fmt: skip
            result = calculator.singlepoint()
            energy, gradient = float(result["energy"]), np.array(result["gradient"], np.float64)
        except (exceptions.TBLiteRuntimeError, exceptions.TBLiteValueError) as error:
            raise UnlabelledError(f"tblite: {' '.join(str(error).split())}") from error
        return Computed(
            energy * factor("hartree", "eV"), -gradient * factor("hartree/bohr", "eV/angstrom"), _steps("\n".join(lines))
        )  # fmt: skip


def _steps(log: str) -> int:
    """Number of the last cycle of tblite's table, whose rows are cycle, total energy, energy error, density error."""
    cycles = [line.split() for line in log.splitlines()]
    return max((int(words[0]) for words in cycles if len(words) == 4 and words[0].isdecimal()), default=0)
