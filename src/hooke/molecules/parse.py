"""SMILES to RDKit molecules: parsing with a reason for every refusal, and standardisation with explicit choices."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from typing import Literal

from rdkit import Chem, RDLogger, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from hooke.core.errors import DataError
from hooke.core.reading import reading

MAX_SMILES_CHARACTERS = 10_000
MAX_ATOMS = 65_535  # bonds store atom numbers in 16 bits
_MORE = re.compile(r"[|\s]|\[\d*H")  # extensions and names, hydrogens as atoms
_STEREO = re.compile(r"[@/\\]")
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
    return molecule


def parse(smiles: str, config: StandardiseConfig = KEEP_ALL) -> Chem.Mol:
    """Parse one SMILES and standardise it.

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


def canonical_smiles(molecule: Chem.Mol) -> str:
    """RDKit's canonical isomeric SMILES: the key by which duplicates are found."""
    return Chem.MolToSmiles(molecule)


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
