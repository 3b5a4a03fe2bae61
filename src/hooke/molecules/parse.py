"""SMILES to RDKit molecules: parsing with a reason for every refusal, and standardisation with explicit choices."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rdkit import Chem, RDLogger, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from hooke.core.errors import DataError
from hooke.core.reading import reading
from hooke.molecules.vocabulary import BOND_COLUMNS

MAX_SMILES_CHARACTERS = 10_000
MAX_ATOMS = 65_535  # bonds store atom numbers in 16 bits
_MORE = re.compile(r"[|\s]|\[\d*H")  # extensions and names, hydrogens as atoms
_STEREO = re.compile(r"[@/\\]")
_ENHANCED = int(Chem.CXSmilesFields.CX_ENHANCEDSTEREO)
_CLOCKWISE = 4  # first of the two codes of hindered bonds
_PLAIN = Chem.SmilesParserParams()
_PLAIN.sanitize = False  # type: ignore[assignment]
_PLAIN.removeHs = False  # type: ignore[assignment]


class ParseError(DataError):
    """A string that is not a molecule; the message is the reason that `rejected.parquet` records."""


@dataclass(frozen=True)
class StandardiseConfig:
    """What is done to a parsed molecule before it is stored. The default keeps everything.

    Attributes:
        salts: "keep"; "largest": keep only the fragment with most heavy atoms; or "strip": remove the counter-ions and
            solvents of RDKit's list, but never everything.
        charges: "keep", or "neutralise" where adding or removing hydrogens can, and leaves a molecule that is possible.
        isotopes: "keep", or "drop" the isotope marks.
        stereo: "keep", or "drop" all stereo marks.
    """

    salts: Literal["keep", "largest", "strip"] = "keep"
    charges: Literal["keep", "neutralise"] = "keep"
    isotopes: Literal["keep", "drop"] = "keep"
    stereo: Literal["keep", "drop"] = "keep"


KEEP_ALL = StandardiseConfig()


def silence_rdkit() -> None:
    """Stop RDKit from writing to stderr in this process; reasons are captured by `parse` instead."""
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]


def molecule_of(smiles: str) -> Chem.Mol:
    """The molecule of a SMILES that was accepted before: nothing is standardised and RDKit's warnings are not repeated.

    Raises:
        ValueError: The SMILES does not parse.
    """
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise ValueError(f"not a valid SMILES: {smiles!r}")
    return without_numbers(molecule) if ":" in smiles else molecule


def parse(smiles: str, config: StandardiseConfig = KEEP_ALL, *, numbered: bool = False) -> Chem.Mol:
    """Parse one SMILES and standardise it.

    Args:
        smiles: May end in a CXSMILES extension, of which groups of enhanced stereo and hindered single bonds are read.
        config: How to standardise.
        numbered: Keep the numbers of atoms (atom maps), which are no part of the molecule.

    Raises:
        ParseError: Empty, too long, followed by text (other than a CXSMILES extension), syntactically wrong, chemically
            impossible (valence, kekulisation) or without atoms.
    """
    text = smiles.strip() if isinstance(smiles, str) else ""
    if not text:
        raise ParseError("empty SMILES")
    if len(text) > MAX_SMILES_CHARACTERS:
        raise ParseError(f"SMILES of {len(text)} characters; at most {MAX_SMILES_CHARACTERS} are read")
    with rdBase.BlockLogs(), reading("SMILES", raised=ParseError):
        molecule = _as_written(text) or Chem.MolFromSmiles(text)
        if molecule is None:
            raise ParseError(_reason(text))
        _, *rest = text.split(maxsplit=1)
        if rest and not rest[0].startswith("|"):  # RDKit takes it for a name: half a molecule may be lost
            raise ParseError(f"text after the SMILES: {rest[0][:40]!r}")
        if not numbered and ":" in text:
            molecule = without_numbers(molecule)
        if config != KEEP_ALL:
            molecule = standardise(molecule, config)
    if not 1 <= molecule.GetNumAtoms() <= MAX_ATOMS:
        raise ParseError(f"{molecule.GetNumAtoms()} atoms; a molecule has 1 to {MAX_ATOMS}")
    return molecule


def _as_written(text: str) -> Chem.Mol | None:
    """The molecule, if its text is nothing but atoms and bonds of which none is to be removed.

    The same atoms and bonds as `Chem.MolFromSmiles` gives, which also looks for the stereo centres that nobody marked: up to a third of
    its time. None where the text has more to it, or is refused: that route has the reasons.
    """
    if _MORE.search(text):
        return None
    molecule = Chem.MolFromSmiles(text, _PLAIN)
    if molecule is None or Chem.SanitizeMol(molecule, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    if _STEREO.search(text):
        Chem.AssignStereochemistry(molecule, cleanIt=True, force=True)
    return molecule


def standardise(molecule: Chem.Mol, config: StandardiseConfig) -> Chem.Mol:
    """Apply the chosen steps in the order salts, charges, isotopes, stereo.

    Marks that a step leaves without meaning go too: hydrogens that were nodes only for their isotope or for stereo, and
    stereo centres that no longer are any.

    Raises:
        ParseError: RDKit cannot carry out a step on this molecule.
    """
    try:
        if config.salts == "largest":
            fragments = Chem.GetMolFrags(molecule, asMols=True)
            if len(fragments) > 1:
                molecule = max(fragments, key=lambda part: (part.GetNumHeavyAtoms(), Chem.MolToSmiles(part)))
        elif config.salts == "strip":
            molecule = rdMolStandardize.FragmentRemover().remove(molecule)
        if config.charges == "neutralise":
            neutral = rdMolStandardize.Uncharger().uncharge(molecule)
            if Chem.SanitizeMol(neutral, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
                molecule = neutral
        if config.isotopes == "drop":
            for atom in molecule.GetAtoms():
                atom.SetIsotope(0)
        if config.stereo == "drop":
            Chem.RemoveStereochemistry(molecule)
        if "drop" in (config.isotopes, config.stereo) and any(atom.GetAtomicNum() == 1 for atom in molecule.GetAtoms()):
            molecule = Chem.RemoveHs(molecule)
        Chem.AssignStereochemistry(molecule, cleanIt=True, force=True)
    except (ValueError, RuntimeError) as error:
        raise ParseError(f"standardisation failed: {error}") from error
    return molecule


def without_numbers(molecule: Chem.Mol) -> Chem.Mol:
    """The molecule without numbers of atoms, and without the stereo centres that only they made one; changed in place."""
    numbered = [atom for atom in molecule.GetAtoms() if atom.GetAtomMapNum()]
    for atom in numbered:
        atom.SetAtomMapNum(0)
    if numbered:
        Chem.AssignStereochemistry(molecule, cleanIt=True, force=True)
    return molecule


def canonical_smiles(molecule: Chem.Mol) -> str:
    """The key by which duplicates are found: RDKit's canonical isomeric SMILES.

    Where there are any, it is followed by groups of enhanced stereo ("and", "or"; "absolute" says nothing) and the sense of hindered single
    bonds, as a CXSMILES extension. `parse` reads it as the same molecule.
    """
    groups = molecule.GetStereoGroups()
    if groups:
        molecule = _without_absolute_groups(molecule)
    text = Chem.MolToCXSmiles(molecule, Chem.SmilesWriteParams(), _ENHANCED) if groups else Chem.MolToSmiles(molecule)
    if (
        molecule.HasProp("_CXSMILES_Data") or molecule.GetNumConformers()
    ):  # nothing else says which way a bond is twisted
        return _with_hindered_bonds(molecule, text)
    return text


def smiles_of(molecule: Chem.Mol) -> str:
    """The key of a molecule that another program made: sanitised, with hydrogens that need not be atoms implicit, atoms without numbers.

    Raises:
        ParseError: RDKit cannot sanitise it.
    """
    with rdBase.BlockLogs():
        try:
            molecule = Chem.RemoveHs(molecule)
        except (ValueError, RuntimeError) as error:
            raise ParseError(str(error).strip()) from error
        Chem.AssignStereochemistry(molecule, cleanIt=True, force=True)
        return canonical_smiles(without_numbers(molecule))


def _without_absolute_groups(molecule: Chem.Mol) -> Chem.Mol:
    """A copy whose groups are those that say more than none."""
    copy = Chem.RWMol(molecule)
    copy.SetStereoGroups([group for group in copy.GetStereoGroups() if group.GetGroupType().name != "STEREO_ABSOLUTE"])
    return copy.GetMol()


def _with_hindered_bonds(molecule: Chem.Mol, text: str) -> str:
    """The SMILES that was just written of a molecule, with the sense of its hindered bonds, if it has any.

    RDKit's own way to write them follows the order of the atoms. Here a wedge stands at the first written atom of each bond, on the first
    written of its other bonds, and its direction is the one that is read back with the same descriptor.
    """
    codes = _senses(molecule)
    bonds = [molecule.GetBondWithIdx(int(bond)) for bond in np.flatnonzero(codes)]
    if not bonds:
        return text
    Chem.MolToSmiles(molecule)  # notes the order in which it writes
    properties = molecule.GetPropsAsDict(includePrivate=True, includeComputed=True)
    atom_place = {atom: place for place, atom in enumerate(properties["_smilesAtomOutputOrder"])}
    bond_place = {bond: place for place, bond in enumerate(properties["_smilesBondOutputOrder"])}
    smiles, _, extension = text.partition(" |")
    ends = [
        sorted((bond.GetBeginAtom(), bond.GetEndAtom()), key=lambda atom: atom_place[atom.GetIdx()]) for bond in bonds
    ]
    places = [tuple(atom_place[atom.GetIdx()] for atom in pair) for pair in ends]
    wedged = [
        min(bond_place[other.GetIdx()] for other in pair[0].GetBonds() if other.GetIdx() != bond.GetIdx())
        for bond, pair in zip(bonds, ends, strict=True)
    ]

    def written(letters: list[str]) -> str:
        marks = [f"w{letter}:{pair[0]}.{bond}" for letter, pair, bond in zip(letters, places, wedged, strict=True)]
        return f"{smiles} |{','.join([*marks, extension or '|'])}".replace(",|", "|")

    letters = ["U"] * len(bonds)
    again = Chem.MolFromSmiles(written(letters))
    if again is None:
        return text
    senses = _senses(again)
    for number, (bond, pair) in enumerate(zip(bonds, places, strict=True)):
        read = again.GetBondBetweenAtoms(*pair)
        if read is not None and senses[read.GetIdx()] not in (0, codes[bond.GetIdx()]):
            letters[number] = "D"
    return written(letters)


def _senses(molecule: Chem.Mol) -> np.ndarray:
    """(bonds,) codes of hindered bonds, 0 for others."""
    from hooke.molecules.featurise import featurise

    codes = featurise([molecule]).bond_codes[:, BOND_COLUMNS.index("stereo")]
    return np.where(codes >= _CLOCKWISE, codes, 0)


def _reason(text: str) -> str:
    """Why RDKit refuses a SMILES. Parses it again with the log captured: only refused strings pay for that.

    To be called while the logs are blocked.
    """
    strange = next(
        (place for place, character in enumerate(text.split(maxsplit=1)[0]) if not character.isascii()), None
    )
    if strange is not None:
        return f"SMILES does not parse: no character of SMILES, {text[strange]!r}, at position {strange + 1}"
    molecule = Chem.MolFromSmiles(text, sanitize=False)
    problems = Chem.DetectChemistryProblems(molecule) if molecule is not None else ()
    if problems:
        return problems[0].Message().strip()
    log = _captured_log(text)
    what = re.search(r"SMILES Parse Error: (.*?)(?: while parsing| for input)", log)
    where = re.search(r"around position (\d+)", log)
    details = f": {what[1]}" + (f" around position {where[1]}" if where else "") if what else ""
    return f"SMILES does not parse{details}"


class _Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


_CAPTURE = threading.Lock()  # RDKit has one log in a process


def _captured_log(text: str) -> str:
    """What RDKit logs as errors while it reads a SMILES; to be called while the logs are blocked."""
    logger, handler = logging.getLogger("rdkit"), _Lines()
    with _CAPTURE:
        rdBase.LogToPythonLogger()
        others, logger.handlers = logger.handlers, [handler]
        rdBase.EnableLog("rdApp.error")
        try:
            Chem.MolFromSmiles(text)
        except (SystemError, UnicodeError):
            pass  # the log was cut within a character of an extension: it has no more to say
        finally:
            logger.handlers = others
            rdBase.LogToCppStreams()  # turns the logs on again
            rdBase.DisableLog("rdApp.*")
    return "\n".join(handler.lines)
