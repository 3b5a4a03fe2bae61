"""What a set of frames states about its numbers, and the card of a quantum data set.

Units of energy, length and force are stated separately, because sources mix them (hartree with Å). What could not be confirmed in a set's own
paper or files says `UNCONFIRMED`; nothing is read before the user states it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from hooke.atoms.methods import Method, parse_method
from hooke.core.cards import Card
from hooke.core.errors import UsageError
from hooke.core.units import dimension, unit_name, units_of

UNCONFIRMED = "unconfirmed"
ENERGY_KINDS = ("total", "formation", "atomisation", "heat of formation", "relative", "interaction")
STATED = (
    "energy_unit",
    "length_unit",
    "force_unit",
    "derivative",
    "energy_kind",
    "methods",
    "force_methods",
)  # by users or files
DERIVATIVES = ("force", "gradient")


@dataclass(frozen=True)
class Facts:
    """What the numbers of a source are.

    Attributes:
        energy_unit: Of its energies.
        length_unit: Of its positions.
        force_unit: Of its forces; "" where it has none.
        derivative: "force" (the negative derivative of the energy) or "gradient" (the positive one, whatever the column is called);
            "" without forces.
        energy_kind: "total" energies; "formation" (total less that of isolated atoms), "atomisation" (its negative),
            "heat of formation", "relative" (an unknown constant a molecule was taken off), "interaction".
        methods: Of the columns of energies; see `methods.parse_method`.
        force_methods: Of the columns of forces.
        properties: (name, unit) of further numbers of a frame; the unit may be "".
    """

    energy_unit: str = UNCONFIRMED
    length_unit: str = UNCONFIRMED
    force_unit: str = ""
    derivative: str = ""
    energy_kind: str = UNCONFIRMED
    methods: tuple[str, ...] = (UNCONFIRMED,)
    force_methods: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Names of the facts that nobody confirmed."""
        return tuple(
            each.name for each in fields(self)
            if UNCONFIRMED in (value if isinstance(value := getattr(self, each.name), tuple) else (value,))
        )  # fmt: skip

    @property
    def parsed(self) -> tuple[Method, ...]:
        """The methods of the energies."""
        return tuple(map(parse_method, self.methods))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Facts:
        """Back from a plain dictionary of its fields."""
        return cls(**{key: _tuples(each) for key, each in value.items()})

    def stated(self, name: str, **given: Any) -> Facts:
        """These facts with what a user states of those that are unconfirmed; all are then known and checked.

        Args:
            name: Of the data set or file, for messages.
            given: Facts by name; empty ones state nothing.

        Raises:
            UsageError: A fact stays unconfirmed, a stated one contradicts a confirmed one, or is none.
            UnknownNameError: A unit or method is not known.
        """
        plain: dict[str, Any] = {key: _plain(key, value) for key, value in given.items() if value}
        known = replace(self, **plain)
        for key in given:
            own = getattr(self, key)
            if given[key] and key not in self.unconfirmed and own != getattr(known, key):
                raise UsageError(f"{name} states {key}={_text(own)}; it cannot be {_text(getattr(known, key))}")
        if missing := known.unconfirmed:
            asked = [key for key in missing if key != "force_methods" or "methods" not in missing]
            raise UsageError(
                f"{name}: unconfirmed are {', '.join(asked)}; state "
                + " ".join(f"{key}={_choices(key)}" for key in asked)
            )
        return known.checked()

    def checked(self) -> Facts:
        """These facts with canonical names of units and methods.

        Raises:
            UsageError: A unit measures something else, or a fact is none of those that there are.
            UnknownNameError: A unit or method is not known.
        """
        wanted = {"energy_unit": "energy", "length_unit": "length", "force_unit": "energy/length"}
        for key, measured in wanted.items():
            unit = getattr(self, key)
            if unit and dimension(unit) != measured:
                raise UsageError(f"{key}={unit} measures {dimension(unit)}, not {measured}")
        if self.energy_kind not in ENERGY_KINDS:
            raise UsageError(f"energy_kind={self.energy_kind!r} is none of {', '.join(ENERGY_KINDS)}")
        if bool(self.force_unit) != bool(self.derivative) or bool(self.force_unit) != bool(self.force_methods):
            raise UsageError("force_unit, derivative (force or gradient) and force_methods are stated together")
        if self.derivative and self.derivative not in DERIVATIVES:
            raise UsageError(f"derivative={self.derivative!r} is none of {', '.join(DERIVATIVES)}")
        names = [tuple(parse_method(method).name for method in some) for some in (self.methods, self.force_methods)]
        for some in names:
            if len(set(some)) != len(some):
                raise UsageError(f"one method stands for several columns: {', '.join(some)}")
        if not set(names[1]) <= set(names[0]):
            raise UsageError(f"force_methods {', '.join(names[1])} are not among the methods {', '.join(names[0])}")
        units: dict[str, Any] = {key: unit_name(getattr(self, key)) for key in wanted if getattr(self, key)}
        return replace(self, **units, methods=names[0], force_methods=names[1])


@dataclass(frozen=True)
class QuantumCard(Card):
    """The card of a data set of frames.

    Attributes:
        facts: What its numbers are.
        layout: How its raw files are laid out, in words.
        e0: Which energies of isolated atoms belong to it; "none known" where a source must be chosen.
        charges: "neutral", "stated per frame" or unconfirmed.
        spins: "closed shell", "stated per frame" or unconfirmed.
    """

    facts: Facts = Facts()
    layout: str = UNCONFIRMED
    e0: str = "none known"
    charges: str = UNCONFIRMED
    spins: str = UNCONFIRMED

    def columns(self) -> dict[str, str]:
        """See `Card.columns`."""
        units = (self.facts.energy_unit, self.facts.length_unit, self.facts.force_unit)
        return {
            "name": self.name, "title": self.title, "methods": ", ".join(self.facts.methods), "energy": self.facts.energy_kind,
            "units": ", ".join(unit for unit in units if unit), "E0": self.e0, "size": self.size, "licence": self.licence[:40],
        }  # fmt: skip


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def _plain(key: str, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if key in ("methods", "force_methods"):
        names = (value,) if isinstance(value, str) else value
        return tuple(parse_method(each).name for name in names for each in _split(name))
    text = str(value).replace("_", " ") if key == "energy_kind" else str(value)
    return unit_name(text) if key.endswith("_unit") else text


def _split(names: str) -> list[str]:
    """Methods separated by commas; commas within brackets belong to a basis set: "b3lyp/6-31g(2df,p), gfn2"."""
    parts, depth = [""], 0
    for sign in names:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def _choices(key: str) -> str:
    if key == "force_unit":
        return "ENERGY/LENGTH"
    if key.endswith("_unit"):
        return "|".join(units_of(key.removesuffix("_unit")))
    if key == "energy_kind":
        return "|".join(kind.replace(" ", "_") for kind in ENERGY_KINDS)
    return {"derivative": "|".join(DERIVATIVES)}.get(key, "METHOD,...")


def _text(value: str | tuple[str, ...]) -> str:
    return ",".join(value) if isinstance(value, tuple) else value
