"""Readers of macromolecular structures: PDB and mmCIF, as far as scattering needs them.

What files get wrong, and what is made of it, is said in the structure's notes: occupancy 0 on every atom (1 is taken), hydrogens whose element
is `HO` or `HG`, deuterium, missing elements, several models.

Source: PDB format 3.3 (wwpdb.org/documentation/file-format), PDBx/mmCIF dictionary (mmcif.wwpdb.org).
"""

from __future__ import annotations

import itertools
import logging
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.reading import read_bytes, reading
from hooke.diffraction.structure import Structure, form_factor_table, refuse_unscattering

PDB, CIF = (".pdb", ".ent"), (".cif", ".mmcif")
_WATERS = ("HOH", "DOD", "WAT")
_MOST_ATOMS = 20_000_000  # of an assembly
_TOKEN = re.compile(
    r"^;(?P<text>.*?)^;|(?<!\S)'(?P<single>[^\n]*?)'(?!\S)|(?<!\S)\"(?P<double>[^\n]*?)\"(?!\S)"
    r"|(?P<comment>(?<!\S)#[^\n]*)|(?P<plain>\S+)",
    re.MULTILINE | re.DOTALL,
)
_LOG = logging.getLogger("hooke")


class Atom(NamedTuple):
    """A line of a file."""

    position: tuple[float, ...]
    occupancy: float
    displacement: float
    element: str
    name: str
    alternate: str
    residue: tuple[str, ...]  # chain and number
    compound: str
    chain: str
    polymer: bool


@dataclass
class Contents:
    """What a file says.

    Attributes:
        atoms: Of the first model.
        assemblies: Name → copies, each the chains and the (3, 4) operator that is applied to them.
        notes: What was assumed.
    """

    atoms: list[Atom] = field(default_factory=list)
    assemblies: dict[str, list[tuple[frozenset[str], np.ndarray]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(path: Path, assembly: str, alternates: str, waters: bool) -> Structure:
    """See `structure.read_structure`; positions as they stand in the file."""
    plain = path.name.lower().removesuffix(".gz")
    if not plain.endswith((*PDB, *CIF)):
        raise UsageError(f"{path.name}: structures end in {', '.join((*PDB, *CIF))}, with or without .gz")
    with reading(path, "a structure"):
        text = read_bytes(path).decode("utf-8", errors="replace")
        contents = _read_pdb(text, path) if plain.endswith(PDB) else _read_cif(text, path)
        if not contents.atoms:
            raise DataError(f"{path} holds no atom")
        structure = _structure(contents, path, assembly, alternates, waters)
    for note in structure.notes:
        _LOG.warning("%s: %s", path.name, note)
    return structure


def _structure(contents: Contents, path: Path, assembly: str, alternates: str, waters: bool) -> Structure:
    notes = list(contents.notes)
    atoms = [atom for atom in contents.atoms if waters or atom.compound not in _WATERS]
    if not atoms:
        raise DataError(f"{path} holds no atom but water")
    occupancies = np.array([atom.occupancy for atom in atoms])
    if not occupancies.any():
        notes.append(f"the occupancy of all {len(atoms):,} atoms is 0; 1 is taken")
        occupancies[:] = 1
    elif empty := int((occupancies == 0).sum()):
        notes.append(f"{empty:,} of {len(atoms):,} atoms have occupancy 0 and scatter nothing")
    if above := int((occupancies > 1).sum()):
        notes.append(f"{above:,} atoms have an occupancy above 1; 1 is taken")
        occupancies = np.minimum(occupancies, 1)
    displacement = np.array([atom.displacement for atom in atoms])
    if below := int((displacement < 0).sum()):
        notes.append(f"{below:,} atoms have a negative displacement factor; 0 is taken")
        displacement = np.maximum(displacement, 0)
    if alternates == "highest":
        kept, occupancies = _highest(atoms, occupancies)
        atoms, occupancies, displacement = [atoms[each] for each in kept], occupancies[kept], displacement[kept]
    positions = np.array([atom.position for atom in atoms], np.float64)
    elements = np.array([atom.element for atom in atoms])
    structure = Structure(positions, elements, occupancies, displacement, path.name, tuple(notes))
    refuse_unscattering(structure)
    return _assembled(structure, [atom.chain for atom in atoms], contents, assembly) if assembly else structure


def _highest(atoms: Sequence[Atom], occupancies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The atoms of each residue's most occupied alternate, which take over what the others of the same name have."""
    shares: dict[tuple[str, ...], Counter[str]] = {}
    whole: dict[tuple[tuple[str, ...], str], float] = {}
    for atom, occupancy in zip(atoms, occupancies, strict=True):
        if atom.alternate:
            shares.setdefault(atom.residue, Counter())[atom.alternate] += occupancy
            key = (atom.residue, atom.name)
            whole[key] = whole.get(key, 0.0) + occupancy
    best = {residue: max(sorted(of), key=lambda name, of=of: of[name]) for residue, of in shares.items()}  # type: ignore[misc]
    kept = [place for place, atom in enumerate(atoms) if atom.alternate in ("", best.get(atom.residue, ""))]
    taken = occupancies.copy()
    for place in kept:
        if atoms[place].alternate:
            taken[place] = min(1.0, whole[(atoms[place].residue, atoms[place].name)])
    return np.array(kept), taken


def _assembled(structure: Structure, chains: Sequence[str], contents: Contents, assembly: str) -> Structure:
    if assembly not in contents.assemblies:
        raise UnknownNameError(f"assembly of {structure.name}", assembly, contents.assemblies)
    copies = contents.assemblies[assembly]
    of_chain = np.array(chains)
    rows, moved = [], []
    for members, operator in copies:
        own = np.flatnonzero(np.isin(of_chain, sorted(members)))
        rows.append(own)
        moved.append(structure.positions[own] @ operator[:, :3].T + operator[:, 3])
        if sum(map(len, rows)) > _MOST_ATOMS:
            raise DataError(f"{structure.name}: assembly {assembly} has more than {_MOST_ATOMS:,} atoms")
    index = np.concatenate(rows)
    if not len(index):
        raise DataError(f"{structure.name}: assembly {assembly} names no chain that has atoms")
    return Structure(
        np.concatenate(moved), structure.elements[index], structure.occupancies[index], structure.displacement[index], structure.name,
        structure.notes,
    )  # fmt: skip


class _Symbols:
    """Element symbols as they should be, with a count of what was mended."""

    def __init__(self) -> None:
        self._known = {each.upper(): each for each in form_factor_table()}
        self.mended: Counter[str] = Counter()

    def symbol(self, stated: str, name: str, compound: str, polymer: bool, where: str) -> str:
        upper = stated.strip().upper()
        if upper in ("D", "T"):
            self.mended[f"of element {upper} (hydrogen is taken)"] += 1
            return "H"
        hydrogen = re.match(r"\d*[HD]", name.strip().upper()) is not None
        if len(upper) == 2 and upper[0] == "H" and hydrogen and (polymer or not compound.startswith(upper)):
            self.mended[f"of element {upper} that are hydrogens by their names"] += 1
            return "H"
        if upper in self._known:
            return self._known[upper]
        if upper and upper not in ("X", "."):
            raise DataError(f"{where}: {stated.strip()!r} is no element that there are form factors of")
        guess = self._guessed(name, compound, polymer, hydrogen)
        if not guess:
            raise DataError(f"{where}: the element of atom {name.strip()!r} is not stated, and its name does not tell")
        self.mended["without an element, which their names tell"] += 1
        return guess

    def _guessed(self, name: str, compound: str, polymer: bool, hydrogen: bool) -> str:
        letters = re.sub(r"[^A-Z]", "", name.upper())
        if not polymer and letters[:2] in self._known and (name[:2].strip() == letters[:2] or compound == letters):
            return self._known[letters[:2]]
        if hydrogen:
            return "H"
        return self._known.get(letters[:1], "")

    def notes(self) -> list[str]:
        return [f"{count:,} atoms {what}" for what, count in self.mended.items()]


def _number(text: str, what: str, where: str, default: float | None = None) -> float:
    text = text.strip()
    if default is not None and text in ("", "?", "."):
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise DataError(f"{where}: the {what} is {text[:20]!r}, no number")
    return value


def _occupancy(text: str, where: str) -> float:
    value = _number(text, "occupancy", where, 1.0)
    if value < 0:
        raise DataError(f"{where}: the occupancy is {value:g}; it is 0 or more")
    return value


def _read_pdb(text: str, path: Path) -> Contents:
    contents, symbols, models = Contents(), _Symbols(), 0
    assembly, chains, operator = "", frozenset[str](), np.zeros((3, 4))
    for number, line in enumerate(text.splitlines(), 1):
        record = line[:6].rstrip()
        if record == "MODEL":
            models += 1
        elif record in ("ATOM", "HETATM") and models <= 1:
            where = f"{path} line {number}"
            if len(line) < 54:
                raise DataError(f"{where} is truncated: an atom ends at column 54 or later, not {len(line)}")
            polymer, compound, chain = record == "ATOM", line[17:20].strip(), line[21]
            contents.atoms.append(
                Atom(
                    tuple(_number(line[30 + 8 * axis : 38 + 8 * axis], f"coordinate {'xyz'[axis]}", where) for axis in range(3)),
                    _occupancy(line[54:60], where), _number(line[60:66], "displacement factor", where, 0.0),
                    symbols.symbol(line[76:78], line[12:16], compound, polymer, where), line[12:16].strip(), line[16].strip(),
                    (chain, line[22:27]), compound, chain, polymer,
                )
            )  # fmt: skip
        elif line.startswith("REMARK 350"):
            if match := re.match(r"REMARK 350 BIOMOLECULE: *(\S+)", line):
                assembly = match[1]
                contents.assemblies[assembly] = []
            elif match := re.match(r"REMARK 350 .*CHAINS: *(.*)", line):
                names = frozenset(name.strip() for name in match[1].split(",") if name.strip())
                chains = names if "APPLY" in line else chains | names
            elif match := re.match(r"REMARK 350 +BIOMT([123]) +\d+ (.*)", line):
                row = int(match[1]) - 1
                operator[row] = _row(match[2], f"{path} line {number}")
                if row == 2:
                    contents.assemblies.setdefault(assembly or "1", []).append((chains, operator.copy()))
    if models > 1:
        contents.notes.append(f"of {models} models the first is taken")
    contents.notes.extend(symbols.notes())
    return contents


def _row(text: str, where: str) -> list[float]:
    values = [_number(each, "operator", where) for each in text.split()]
    if len(values) != 4:
        raise DataError(f"{where}: a row of an operator has 4 numbers, not {len(values)}")
    return values


def _read_cif(text: str, path: Path) -> Contents:
    tables = _categories(text, path, ("_atom_site", "_pdbx_struct_assembly_gen", "_pdbx_struct_oper_list"))
    sites, symbols, contents = tables.get("_atom_site", {}), _Symbols(), Contents()
    for name in ("cartn_x", "cartn_y", "cartn_z", "type_symbol"):
        if name not in sites:
            raise DataError(f"{path}: it lacks _atom_site.{name}")
    count = len(sites["cartn_x"])
    empty = ["."] * count

    def column(*names: str) -> list[str]:
        return next((sites[name] for name in names if name in sites), empty)

    models = column("pdbx_pdb_model_num")
    rows = zip(
        sites["cartn_x"], sites["cartn_y"], sites["cartn_z"], column("occupancy"), column("b_iso_or_equiv"), sites["type_symbol"],
        column("label_atom_id", "auth_atom_id"), column("label_alt_id"), column("label_asym_id", "auth_asym_id"),
        column("auth_seq_id", "label_seq_id"), column("pdbx_pdb_ins_code"), column("label_comp_id", "auth_comp_id"), column("group_pdb"), models,
        strict=True,
    )  # fmt: skip
    for number, row in enumerate(rows, 1):
        x, y, z, occupancy, b, element, name, alternate, chain, residue, insertion, compound, group, model = row
        if model != models[0]:
            continue
        where, polymer = f"{path} atom {number}", group != "HETATM"
        contents.atoms.append(
            Atom(
                tuple(_number(each, f"coordinate {axis}", where) for axis, each in zip("xyz", (x, y, z), strict=True)),
                _occupancy(occupancy, where), _number(b, "displacement factor", where, 0.0),
                symbols.symbol("" if element in "?." else element, name, compound, polymer, where), name, "" if alternate in "?." else alternate,
                (chain, residue, insertion), compound, chain, polymer,
            )
        )  # fmt: skip
    if len(set(models)) > 1:
        contents.notes.append(f"of {len(set(models))} models the first is taken")
    contents.notes.extend(symbols.notes())
    contents.assemblies = _assemblies(
        tables.get("_pdbx_struct_assembly_gen", {}), tables.get("_pdbx_struct_oper_list", {}), path
    )
    return contents


def _categories(text: str, path: Path, wanted: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Category → item → values, of the wanted categories of the first data block; names in lower case."""
    tables: dict[str, dict[str, list[str]]] = {}
    tokens = _tokens(text)
    token = next(tokens, None)
    blocks = 0
    while token is not None:
        word, quoted = token
        lower = word.lower()
        if not quoted and lower.startswith("data_"):
            blocks += 1
            if blocks > 1:
                break
            token = next(tokens, None)
        elif not quoted and lower == "loop_":
            names = []
            token = next(tokens, None)
            while token is not None and not token[1] and token[0].startswith("_"):
                names.append(token[0].lower())
                token = next(tokens, None)
            values: list[str] = []
            while token is not None and (token[1] or not _ends_loop(token[0])):
                values.append(token[0])
                token = next(tokens, None)
            if not names or len(values) % len(names):
                raise DataError(
                    f"{path}: the table {names[0] if names else 'loop_'} has {len(values)} values for {len(names)} columns"
                )
            for place, name in enumerate(names):
                _keep(tables, name, values[place :: len(names)], wanted)
        elif not quoted and word.startswith("_"):
            token = next(tokens, None)
            if token is None:
                raise DataError(f"{path} is truncated: {word} has no value")
            _keep(tables, lower, [token[0]], wanted)
            token = next(tokens, None)
        else:
            token = next(tokens, None)
    return tables


def _ends_loop(word: str) -> bool:
    return word.startswith("_") or word.lower() == "loop_" or word.lower().startswith(("data_", "save_"))


def _keep(tables: dict[str, dict[str, list[str]]], name: str, values: list[str], wanted: Sequence[str]) -> None:
    category, _, item = name.partition(".")
    if category in wanted:
        tables.setdefault(category, {})[item] = values


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Values of a CIF file and whether each was quoted."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "comment":
            yield match[kind], kind != "plain"


def _assemblies(
    generators: Mapping[str, list[str]], operators: Mapping[str, list[str]], path: Path
) -> dict[str, list[tuple[frozenset[str], np.ndarray]]]:
    needed = [f"matrix[{row}][{column}]" for row in (1, 2, 3) for column in (1, 2, 3)] + [
        f"vector[{row}]" for row in (1, 2, 3)
    ]
    if not {"assembly_id", "oper_expression", "asym_id_list"} <= set(generators) or not {"id", *needed} <= set(
        operators
    ):
        return {}
    matrices = {}
    for place, name in enumerate(operators["id"]):
        values = [_number(operators[each][place], "operator", f"{path} operator {name}") for each in needed]
        matrices[name] = np.concatenate([np.reshape(values[:9], (3, 3)), np.reshape(values[9:], (3, 1))], axis=1)
    found: dict[str, list[tuple[frozenset[str], np.ndarray]]] = {}
    for name, expression, chains in zip(
        generators["assembly_id"], generators["oper_expression"], generators["asym_id_list"], strict=True
    ):
        members = frozenset(each.strip() for each in chains.split(","))
        for product in itertools.product(*_expanded(expression)):
            total = np.eye(4)
            for each in product:
                if each not in matrices:
                    raise DataError(f"{path}: assembly {name} applies the operator {each[:20]!r}, which is not listed")
                total = total @ np.vstack([matrices[each], [0, 0, 0, 1]])
            found.setdefault(name, []).append((members, total[:3]))
    return found


def _expanded(expression: str) -> list[list[str]]:
    """The factors of an expression such as "1", "1,2", "(1-60)" or "(1-60)(61-88)", each the names of its operators."""
    factors = re.findall(r"\(([^()]*)\)", expression) or [expression]
    expanded = []
    for factor in factors:
        names: list[str] = []
        for part in factor.split(","):
            if match := re.fullmatch(r"\s*(\d{1,6})-(\d{1,6})\s*", part):
                names.extend(map(str, range(int(match[1]), min(int(match[2]), int(match[1]) + 9999) + 1)))
            elif part.strip():
                names.append(part.strip())
        expanded.append(names)
    return expanded
