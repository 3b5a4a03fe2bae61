"""What the name of a column says of its whole numbers: an identifier, a year or a date is no label."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEVEL = re.compile(r"_*(index_)?level_\d+_*")  # what pandas calls an index without a name
_WHOLE = _set(
    "index idx row rows rowid rowname rownames number no nr num serial sno slno srno "
    "entry record key obs line lineno seq counter unnamed"
)
_REGISTRIES = _set(
    "id ids cid cids sid sids aid tid uid uuid guid pmid cas casrn rn einecs nsc unii dtxsid dtxcid regno regid regnum molregno "
    "chembl chebi pubchem drugbank hmdb kegg"
)
_THINGS = _set(
    "compound cmpd cpd molecule substance sample ligand structure cluster scaffold fold batch lot plate well vial tube rack registry barcode "
    "accession"
)
_NUMBERED = _THINGS | _set(
    "mol reg registration catalog catalogue cat item entry serial row record line case order article product patent reference ref vendor "
    "supplier inventory internal running doc document drug assay target object user unique series zinc pubchemc"
)
_INDEXED = _set("row original orig old data df dataset record source compound mol molecule sample")
_COUNTED = ("number", "no", "nr", "num", "code", "key", "id", "ids")
_YEARS = _set("year years yr jahr annee")
_DATES = _set("date dates datum datetime timestamp")


def words_of(name: str) -> list[str]:
    """The words of a column's name in lower case, without a number at its end: "PubChemCID" is pub, chem, cid."""
    words = [word.lower() for word in _WORD.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    return words


def names_identifier(name: str) -> bool:
    """Whether whole numbers in a column of this name are indices or numbers of a registry: "", "Unnamed: 0", "index", "PUBCHEM_COMPOUND_CID"."""
    words = words_of(name)
    if not words:
        return not any(letter.isalpha() for letter in name)
    joined = "".join(words)
    if joined in _WHOLE or words[-1] in _REGISTRIES or _LEVEL.fullmatch(name.lower()):
        return True
    ends = [(words[-2], words[-1])] if len(words) > 1 else []
    ends += [(joined.removesuffix(end), end) for end in (*_COUNTED, "index", "idx") if joined.endswith(end)]
    return any(
        before in (_INDEXED if end in ("index", "idx") else _NUMBERED | _REGISTRIES)
        for before, end in ends
        if end in (*_COUNTED, "index", "idx")
    )


def names_thing(name: str) -> bool:
    """Whether the column is called after what it numbers ("Compound", "fold"): identifiers, unless they are classes."""
    return "".join(words_of(name)) in _THINGS


def names_year(name: str) -> bool:
    """Whether the name speaks of years."""
    return not _YEARS.isdisjoint(words_of(name))


def names_date(name: str) -> bool:
    """Whether the name speaks of dates."""
    return not _DATES.isdisjoint(words_of(name))
