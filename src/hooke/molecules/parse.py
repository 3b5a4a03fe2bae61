"""SMILES to RDKit molecules: parsing with a reason for every refusal, and standardisation with explicit choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rdkit import Chem, RDLogger, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from hooke.core.errors import DataError

MAX_SMILES_CHARACTERS = 10_000
MAX_ATOMS = 65_535  # bonds store atom numbers in 16 bits


class ParseError(DataError):
    """A string that is not a molecule; the message is the reason that `rejected.parquet` records."""


@dataclass(frozen=True)
class StandardiseConfig:
    """What is done to a parsed molecule before it is stored. The default keeps everything.

    Attributes:
        salts: "keep", or "largest": keep only the fragment with most heavy atoms.
        charges: "keep", or "neutralise" where adding or removing hydrogens can.
        isotopes: "keep", or "drop" the isotope marks.
        stereo: "keep", or "drop" all stereo marks.
    """

    salts: Literal["keep", "largest"] = "keep"
    charges: Literal["keep", "neutralise"] = "keep"
    isotopes: Literal["keep", "drop"] = "keep"
    stereo: Literal["keep", "drop"] = "keep"


KEEP_ALL = StandardiseConfig()


def silence_rdkit() -> None:
    """Stop RDKit from writing to stderr in this process; reasons are captured by `parse` instead."""
    RDLogger.DisableLog("rdApp.*")


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
    molecule = Chem.MolFromSmiles(text)
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


def standardise(molecule: Chem.Mol, config: StandardiseConfig) -> Chem.Mol:
    """Apply the chosen steps in the order salts, charges, isotopes, stereo."""
    if config.salts == "largest":
        fragments = Chem.GetMolFrags(molecule, asMols=True)
        if len(fragments) > 1:
            molecule = max(fragments, key=lambda part: (part.GetNumHeavyAtoms(), Chem.MolToSmiles(part)))
    if config.charges == "neutralise":
        molecule = rdMolStandardize.Uncharger().uncharge(molecule)
    if config.isotopes == "drop":
        for atom in molecule.GetAtoms():
            atom.SetIsotope(0)
    if config.stereo == "drop":
        Chem.RemoveStereochemistry(molecule)
    return molecule


def canonical_smiles(molecule: Chem.Mol) -> str:
    """RDKit's canonical isomeric SMILES: the key by which duplicates are found."""
    return Chem.MolToSmiles(molecule)


def _reason(text: str) -> str:
    """Parse again with the log captured: only refused molecules pay for it."""
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(text, sanitize=False)
        if molecule is None:
            return "SMILES does not parse"
        problems = Chem.DetectChemistryProblems(molecule)
    return problems[0].Message().strip() if problems else "SMILES does not parse"
