"""Typed claims about the response to a perturbation, each with what verified it, the evidence, a verdict and a q-value.

    interaction        P and Q interact: stated by a source of known relations that the model was not given
    similar response   Q, whose response moves the prediction, responds like P: rank of their measured similarity among all pairs
    read-out change    a gene goes up or down: rank of its measured change among all genes
    pathway change     a pathway goes up or down: rank sums of the measured change

A claim is supported when its p-value for the stated direction has q < .05 in its family (Benjamini-Hochberg), falsified when that for the
opposite direction has, and untestable where nothing was measured or the measurement does not tell it from chance, which the evidence says.
Absence from a source of relations is no evidence against an interaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from hooke.evaluate.known_pairs import KnownPairs
from hooke.evaluate.multiple_testing import benjamini_hochberg, empirical_p

SUPPORTED, FALSIFIED, UNTESTABLE = "supported", "falsified", "untestable"
INTERACTION, SIMILAR, CHANGE, PATHWAY = "interaction", "similar response", "read-out change", "pathway change"
RATE = 0.05


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        type: Of claim; see the head of the file.
        subject, object: What it is about.
        direction: "up", "down" or "".
        statement: In words.
        verifier: What could decide it.
        evidence: What the verifier said.
        verdict: "supported", "falsified" or "untestable".
        q: Of the verdict's direction within the family; NaN where nothing was tested.
    """

    type: str
    subject: str
    object: str
    direction: str
    statement: str
    verifier: str
    evidence: str
    verdict: str = UNTESTABLE
    q: float = np.nan

    def to_json(self) -> dict[str, Any]:
        """As plain values; q is null where nothing was tested."""
        return {**asdict(self), "q": None if np.isnan(self.q) else self.q}


def judged(claims: Sequence[Claim], stated: np.ndarray, opposite: np.ndarray) -> list[Claim]:
    """Verdicts of one family.

    Args:
        claims: Without verdicts.
        stated: (n,) p-values for the stated direction; NaN where nothing was measured.
        opposite: (n,) for the opposite one; NaN where a verifier cannot falsify.
    """
    pro, contra = benjamini_hochberg(stated), benjamini_hochberg(opposite)
    found = []
    for claim, for_it, against in zip(claims, pro, contra, strict=True):
        if for_it < RATE:
            found.append(replace(claim, verdict=SUPPORTED, q=float(for_it)))
        elif against < RATE:
            found.append(replace(claim, verdict=FALSIFIED, q=float(against)))
        elif np.isnan(for_it):
            found.append(claim)
        else:
            found.append(replace(claim, evidence=f"{claim.evidence}; not told from chance", q=float(for_it)))
    return found


def interactions(pairs: Sequence[tuple[str, str, Sequence[str]]], outside: Mapping[str, KnownPairs]) -> list[Claim]:
    """Edges of the model's graph, verified by sources that are not in it.

    Args:
        pairs: Perturbed gene, neighbour, and the sources that the graph names for the edge.
        outside: Sources by name.

    The p-value is the chance that two genes with so many partners in a source are partners: d_a d_b / (2 pairs).
    """
    claims, stated = [], []
    partners: dict[str, dict[str, set[str]]] = {}
    for name, known in outside.items():
        partners[name] = {}
        for first, second in zip(known.first.tolist(), known.second.tolist(), strict=True):
            partners[name].setdefault(first, set()).add(second)
            partners[name].setdefault(second, set()).add(first)
    for subject, other, sources in pairs:
        best, evidence = np.nan, "no source outside the graph is at hand"
        if outside:
            both = [name for name, of in partners.items() if subject in of and other in of]
            listed = [name for name in both if other in partners[name][subject]]
            evidence = (
                f"stated by {', '.join(listed)}" if listed
                else f"not listed in {', '.join(both)}, which is no evidence against it" if both
                else f"not both genes are in {', '.join(outside)}"
            )  # fmt: skip
            chances = [
                len(partners[name][subject]) * len(partners[name][other]) / (2 * len(outside[name])) for name in listed
            ]
            best = min([*chances, 1.0]) if listed else np.nan
        claims.append(
            Claim(
                INTERACTION, subject, other, "", f"{subject} and {other} interact ({', '.join(sources)})",
                "known relations outside the graph: " + (", ".join(outside) or "none"), evidence,
            )
        )  # fmt: skip
        stated.append(best)
    return judged(claims, np.array(stated, np.float64), np.full(len(claims), np.nan))


def similar_responses(
    subject: str, shares: Mapping[str, float], similarity: Mapping[str, float], every: np.ndarray, reason: str
) -> list[Claim]:
    """Whether perturbations that move the prediction respond alike.

    Args:
        subject: The perturbation explained.
        shares: Perturbation → its share of the prediction, the largest first.
        similarity: Perturbation → measured similarity to the subject; empty where the subject was not measured.
        every: (n,) similarities of all pairs of perturbations.
        reason: Why it was not measured.
    """
    claims = [
        Claim(
            SIMILAR, subject, other, "", f"{other} responds like {subject}: it adds {share:.0%} of the prediction",
            "measured similarity among all pairs of perturbations",
            f"r {similarity[other]:.2f}" if other in similarity else reason or f"{other} was not measured",
        )
        for other, share in shares.items()
    ]  # fmt: skip
    own = np.array([similarity.get(other, np.nan) for other in shares], np.float64)
    known = every[~np.isnan(every)]
    return judged(claims, _upper(own, known), _upper(-own, -known))


def readout_changes(
    subject: str, genes: Sequence[str], predicted: np.ndarray, measured: np.ndarray | None, count: int, reason: str
) -> list[Claim]:  # fmt: skip
    """The largest predicted changes, `count` of them.

    Args:
        subject: The perturbation explained.
        genes: (g,) read-outs.
        predicted: (g,) changes.
        measured: (g,); None where it was not.
        count: Of claims.
        reason: Why it was not measured.
    """
    rows = np.argsort(-np.abs(predicted), kind="stable")[:count]
    up = predicted[rows] > 0
    own = np.full(len(rows), np.nan) if measured is None else np.where(up, measured[rows], -measured[rows])
    known = np.empty(0) if measured is None else measured[~np.isnan(measured)]
    claims = [
        Claim(
            CHANGE, subject, genes[row], "up" if rises else "down", f"{genes[row]} goes {'up' if rises else 'down'} ({predicted[row]:+.3g})",
            "rank of the measured change among all genes", reason if measured is None else f"measured {measured[row]:+.3g}",
        )
        for row, rises in zip(rows, up, strict=True)
    ]  # fmt: skip
    stated = np.where(up, _upper(own, known), _upper(own, -known))
    opposite = np.where(up, _upper(-own, -known), _upper(-own, known))
    return judged(claims, stated, opposite)


def pathway_changes(
    subject: str, names: Sequence[str], predicted: np.ndarray, measured: np.ndarray | None, reason: str
) -> list[Claim]:
    """Pathways that the prediction changes.

    Args:
        subject: The perturbation explained.
        names: (n,) of them.
        predicted, measured: (n,) z of rank sums; None where nothing was measured.
        reason: Why not.
    """
    from scipy.stats import norm

    claims = [
        Claim(
            PATHWAY, subject, name, "up" if z > 0 else "down", f"{name} goes {'up' if z > 0 else 'down'} (z {z:+.1f})",
            "rank sums of the measured change", reason if measured is None else f"measured z {measured[row]:+.1f}",
        )
        for row, (name, z) in enumerate(zip(names, predicted, strict=True))
    ]  # fmt: skip
    own = np.full(len(names), np.nan) if measured is None else np.sign(predicted) * measured
    return judged(claims, norm.sf(own), norm.sf(-own))


def _upper(own: np.ndarray, every: np.ndarray) -> np.ndarray:
    """(n,) p-values of values among all: (1 + how many are as large) / (1 + all)."""
    return empirical_p(own, every) if len(every) else np.full(len(own), np.nan)
