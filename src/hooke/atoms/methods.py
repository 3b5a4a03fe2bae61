"""Quantum methods as data: what a name such as "wB97M-D3(BJ)/def2-TZVPPD" consists of.

A name is theory, an optional dispersion correction, an optional basis set after "/", and after "#" the term of an interaction energy that a
column holds; "other:NAME" names a theory that is not listed here. Names that parse to equal fields are spellings of one method; unequal
fields have unequal canonical names, so that no method stands for another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hooke.core.errors import UnknownNameError

TERMS = ("total", "electrostatics", "exchange", "induction", "dispersion")
DISPERSIONS = ("d", "d2", "d3", "d3(0)", "d3(bj)", "d4", "v", "mbd", "mbd-nl", "ts")
_KINDS = {
    "density functional": (
        "lda svwn pw91 pbe rpbe revpbe pbesol blyp bp86 b97 tpss revtpss scan rscan r2scan m06-l hcth pbe0 b3lyp b3pw91 x3lyp tpssh scan0 "
        "bhandhlyp m05-2x m06 m06-2x hse06 cam-b3lyp lc-wpbe wb97 wb97x wb97m b2plyp dsd-blyp dsd-pbep86"
    ),
    "wave function": "hf mp2 mp2.5 mp3 ccsd ccsd(t) ccsd(t)-f12 dlpno-ccsd(t) cc2 cisd fci dmc rpa sns-mp2",
    "semi-empirical": "gfn0 gfn1 gfn2 gfn-ff am1 pm3 pm6 pm7 dftb dftb3",
    "composite": "b97-3c r2scan-3c pbeh-3c hf-3c wb97x-3c g4mp2 g4",
    "force field": "ttm2.1-f mmff94",
    "perturbation theory": "sapt sapt0 sapt2 sapt2+ sapt2+(3) sapt2+3 sapt2+3(ccd)",
}
KINDS: Mapping[str, str] = MappingProxyType({name: kind for kind, names in _KINDS.items() for name in names.split()})
_BASES = (
    "sto-3g 3-21g 4-31g 6-31g 6-31g(d) 6-31g(d,p) 6-31+g(d) 6-31+g(d,p) 6-31++g(d,p) 6-31g(2df,p) 6-311g 6-311g(d) 6-311g(d,p) "
    "6-311+g(d,p) 6-311++g(d,p) 6-311+g(2d,p) 6-311+g(3df,2p) "
    "def2-sv(p) def2-svp def2-svpd def2-tzvp def2-tzvpp def2-tzvpd def2-tzvppd def2-qzvp def2-qzvpp def2-qzvppd ma-def2-tzvp "
    "cc-pvdz cc-pvtz cc-pvqz cc-pv5z aug-cc-pvdz aug-cc-pvtz aug-cc-pvqz jun-cc-pvdz aug-cc-pwcvxz cc-pvdz-f12 cc-pvtz-f12 "
    "sz dz dzp tzp tz2p qz4p light tight plane-waves cbs haqz hatz nn"
)
BASES = tuple(_BASES.split())
_SPELLINGS = {"*": "(d)", "**": "(d,p)"}
_OTHER_NAMES = {
    "gfn2-xtb": "gfn2", "gfn1-xtb": "gfn1", "gfn0-xtb": "gfn0", "pbe1pbe": "pbe0",
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Method:
    """What was computed, and how.

    Attributes:
        theory: Functional, wave function or named method: "wb97m", "ccsd(t)", "gfn2".
        dispersion: Correction that was added to it: "d3(bj)"; "" for none.
        basis: Basis set; "" where the method has its own or the source names none.
        term: Of an interaction energy: "total", or one of the terms that add up to it.
    """

    theory: str
    dispersion: str = ""
    basis: str = ""
    term: str = "total"

    @property
    def kind(self) -> str:
        """What sort of theory it is; "other" of one that a user named."""
        return KINDS.get(self.theory, "other")

    @property
    def name(self) -> str:
        """The one canonical name."""
        dispersion, basis = self.dispersion and f"-{self.dispersion}", self.basis and f"/{self.basis}"
        return f"{self.theory}{dispersion}{basis}" + (f"#{self.term}" if self.term != "total" else "")

    def __str__(self) -> str:
        return self.name


def parse_method(text: str) -> Method:
    """Read a method's name in any usual spelling.

    Raises:
        UnknownNameError: Its theory, correction, basis set or term is not known; the message offers the nearest.
    """
    plain = text.strip().lower().replace("ω", "w").replace(" ", "")
    plain, _, term = plain.partition("#")
    if (term or "total") not in TERMS:
        raise UnknownNameError("term of an interaction energy", term, TERMS)
    before, slash, basis = plain.partition("/")
    theory, dispersion = _theory(before)
    if slash:
        basis = _basis(basis)
    return Method(theory, dispersion, basis, term or "total")


def _theory(text: str) -> tuple[str, str]:
    text = _OTHER_NAMES.get(text, text)
    if text in KINDS or re.fullmatch(r"other:[\w.()+-]+", text):
        return text, ""
    for place, sign in enumerate(text):
        if sign in "+-" and text[:place] in KINDS and text[place + 1 :] in DISPERSIONS:
            return text[:place], text[place + 1 :]
    raise UnknownNameError("method", text, KINDS)


def _basis(text: str) -> str:
    stars = text[len(text.rstrip("*")) :]
    text = text.rstrip("*") + _SPELLINGS.get(stars, stars)
    if text not in BASES:
        raise UnknownNameError("basis set", text, BASES)
    return text
