"""What the names of image files say: well, site, channel, focal plane, time point, plate.

Microscopes with names of their own have a pattern each. In all other names the token that is a well is found by rule, over all files whose
names are built alike: a token such as B02 or AF48 is a well unless its letter is the same in all files and marks something else there
(C channel, S or F site, Z, T, W, P), and another token, or the folder, can be the well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from hooke.core.well_names import same_well, well_name

WELL = r"(?:[A-Z]|A[A-F])0?(?:[1-9]|[1-3]\d|4[0-8]|0[1-9])"  # of at most 1,536 wells
_UUID = r"[0-9A-F]{7,8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
RXRX = re.compile(
    r"(?:.*/)?(?P<experiment>[^/]+)/Plate(?P<plate>\d+)/(?P<well>[A-Z]{1,2}\d{2})_s(?P<site>\d+)_w(?P<channel>\d+)\.\w+"
)
PHENIX = re.compile(
    r"(?:.*/)?r(?P<row>\d+)c(?P<column>\d+)f(?P<site>\d+)p(?P<z>\d+)-ch(?P<channel>\d+)"
    r"(?:sk(?P<time>\d+))?(?:fk\d+)?(?:fl\d+)?\.tiff?",
    re.IGNORECASE,
)
_PLATE_WELL = rf"(?:.*/)?(?:(?P<plate>[^/]+?)_)??(?P<well>{WELL})(?:_s(?P<site>\d+))?"
IMAGEXPRESS = re.compile(
    _PLATE_WELL + r"_w(?P<channel>\d+)(?:_z(?P<z>\d+))?(?:_t(?P<time>\d+))?(?!\d)[^/]*\.(?:tiff?|png)", re.IGNORECASE
)
_STAMPED = re.compile(_PLATE_WELL + r"(?:_w(?P<channel>\d+))?\.(?:tiff?|png)", re.IGNORECASE)
_STAMP = re.compile(rf"((?:^|[_/]){WELL}|_[sw]\d+?)_?{_UUID}(?=\.\w+$)", re.IGNORECASE)  # of MetaXpress
CELLVOYAGER = re.compile(
    rf"(?:.*/)?(?:(?P<plate>[^/]+)_)?(?P<well>{WELL})_T(?P<time>\d+)F(?P<site>\d+)L\d+A\d+Z(?P<z>\d+)C(?P<channel>\d+)\.(?:tiff?|png)",
    re.IGNORECASE,
)
CORRECTION = re.compile(r"(?:.*/)?(?:DC|SC)_[^/]*\.tiff?", re.IGNORECASE)  # dark and shading frames of CellVoyager
RXRX3_CORE = re.compile(
    r"(?P<experiment>[^/]+)/Plate(?P<plate>\d+)/(?P<well>[A-Z]{1,2}\d{2})_s(?P<site>\d+)_(?P<channel>\d+)"
)
_TOKEN = re.compile(rf"(?P<well>{WELL})(?:[SF](?P<site>\d+))?", re.IGNORECASE)
_BREAKS = re.compile(r"[_\-. +()\[\],=]+")
_LABELS = {
    "s": "site", "f": "site", "site": "site", "field": "site", "fld": "site", "fov": "site", "z": "z", "t": "time", "time": "time",
    "c": "channel", "ch": "channel", "w": "channel", "wv": "channel", "channel": "channel", "P": "plate", "plate": "plate",
}  # fmt: skip
_LABEL = re.compile(r"(?P<label>[A-Za-z]+)(?P<number>\d+)")
_STEPS = re.compile(r"(?P<label>TimePoint|ZStep)_(?P<number>\d+)", re.IGNORECASE)  # folders of MetaXpress
_MARKS = "SFZTCWP"


@dataclass
class Named:
    """What the name of a file says; `reason`: why it cannot be told. `rest`: tokens that say nothing known."""

    values: dict[str, Any] = field(default_factory=dict)
    rest: tuple[str, ...] = ()
    reason: str = ""


def folders_of(path: str) -> list[str]:
    """The folders above a file, without those that microscopes add."""
    return [
        part for part in PurePosixPath(path).parts[:-1]
        if part.lower() not in ("images", "orig") and not _STEPS.fullmatch(part)
    ]  # fmt: skip


def steps_of(path: str) -> dict[str, int]:
    """Time point and focal plane that MetaXpress writes into the names of folders."""
    names = {"timepoint": "time", "zstep": "z"}
    found = [_STEPS.fullmatch(part) for part in PurePosixPath(path).parts[:-1]]
    return {names[match["label"].lower()]: int(match["number"]) for match in found if match}


def of_match(match: re.Match[str]) -> dict[str, Any]:
    """What a pattern found, with wells written the usual way and numbers as numbers.

    Raises:
        DataError: The well is none.
    """
    found: dict[str, Any] = {name: text for name, text in match.groupdict().items() if text is not None}
    if "row" in found:
        found["well"] = well_name(int(found.pop("row")), int(found.pop("column")))
    found["well"] = same_well(found["well"])
    for name in ("site", "z", "time"):
        if name in found:
            found[name] = int(found[name])
    return found


def of_imagexpress(path: str) -> dict[str, Any] | None:
    """What MetaXpress says in a name: `[PLATE_]G10[_s1][_w2][UUID].tif`, where single sites and single channels are not written; None for
    another name. The plate is the folder where the name has none.
    """
    plain, stamps = _STAMP.subn(r"\1", path)
    match = (_STAMPED if stamps else IMAGEXPRESS).fullmatch(plain)
    if match is None:
        return None
    return {"channel": "1", **steps_of(path), **of_match(match)}


def names_a_well(path: str) -> bool:
    """Whether the name of a file, or of its folder, has a token that can be a well; a folder called P1 is a plate."""
    folder = _folder(path)
    return any(_TOKEN.fullmatch(token) for token in _tokens(PurePosixPath(path).name)) or (
        _is_well(folder) and _letters(folder) != "P"
    )


def by_tokens(paths: Sequence[str]) -> dict[str, Named]:
    """What names without a pattern of their own say: path -> what was found. Those without anything like a well are left out."""
    alike: dict[tuple[int, tuple[int, ...], bool], list[str]] = defaultdict(list)
    for path in paths:
        tokens = _tokens(PurePosixPath(path).name)
        places = tuple(place for place, token in enumerate(tokens) if _TOKEN.fullmatch(token))
        above = _is_well(_folder(path))
        if places or above:
            alike[len(tokens), places, above].append(path)
    found: dict[str, Named] = {}
    for (_, places, above), group in alike.items():
        found.update(_read_alike(group, places, above))
    return found


def _read_alike(paths: list[str], places: tuple[int, ...], above: bool) -> dict[str, Named]:
    tokens = {path: _tokens(PurePosixPath(path).name) for path in paths}
    letters = {place: {_letters(own[place]) for own in tokens.values()} for place in places}
    marks = [place for place in places if len(letters[place]) == 1 and min(letters[place]) in _MARKS]
    same = [
        place for place in places if above and all(_same(own[place], _folder(path)) for path, own in tokens.items())
    ]
    wells = same[:1] or [place for place in places if place not in marks]
    if not wells and places and not (above and {_letters(_folder(path)) for path in paths} != {"P"}):
        wells = list(places[:1])
    if len(wells) > 1:
        names = " and ".join(next(iter(tokens.values()))[place] for place in wells)
        reason = f"its name holds several tokens that can be the well ({names}); say which with layout=pattern"
        return {path: Named(reason=reason) for path in paths}
    return {path: _read_tokens(path, own, wells[0] if wells else None) for path, own in tokens.items()}


def _read_tokens(path: str, tokens: list[str], well: int | None) -> Named:
    values: dict[str, Any] = {}
    rest = []
    folders = folders_of(path)
    for place, token in enumerate(tokens):
        if place == well:
            match = _TOKEN.fullmatch(token)
            assert match is not None
            values["well"] = same_well(match["well"])
            if match["site"]:
                values["site"] = int(match["site"])
            continue
        label = _LABEL.fullmatch(token)
        name = _LABELS.get(label["label"], _LABELS.get(label["label"].lower())) if label else None
        if label is None or name is None or name in values:
            rest.append(token)
        elif name == "channel":
            values[name] = label["number"]
        else:
            values[name] = token if name == "plate" else int(label["number"])
    if well is None:
        values["well"] = same_well(folders[-1])
    if folders and (well is None or _same(tokens[well], folders[-1])):
        folders = folders[:-1]
    place_names = {"plate": folders[-1] if folders else "", "experiment": folders[-2] if len(folders) > 1 else ""}
    if "plate" in values:
        place_names["experiment"] = folders[-1] if folders else ""
    return Named({**place_names, **steps_of(path), **values}, tuple(rest))


def _tokens(name: str) -> list[str]:
    stem = re.sub(r"(?:\.ome)?\.\w+$", "", name, flags=re.IGNORECASE)
    return [token for token in _BREAKS.split(stem) if token]


def _folder(path: str) -> str:
    folders = folders_of(path)
    return folders[-1] if folders else ""


def _is_well(text: str) -> bool:
    return re.fullmatch(WELL, text, re.IGNORECASE) is not None


def _same(token: str, folder: str) -> bool:
    match = _TOKEN.fullmatch(token)
    return match is not None and _is_well(folder) and same_well(match["well"]) == same_well(folder)


def _letters(token: str) -> str:
    return re.sub(r"\d.*", "", token).upper()
