"""Molecules against conformations: what a potential learns from many of one or of the other at one budget of labels.

DES monomers of SPICE with GFN2 labels. Sweep 1 keeps the number of frames (as nearly as molecules have conformations), sweep 2 the
molecules. The question is that of arXiv 2311.00862, whose data, models and numbers are not public: the design is our own, no replication.
"""

from __future__ import annotations

from hooke.suites import DiversitySuite

SUITE = DiversitySuite(
    name="diversity_grid",
    title="Diversity: molecules against conformations",
    recipe="diversity_potential",
    budget=((220, 2), (110, 4), (44, 10), (18, 24)),
    molecules=44,
    conformations=(2, 5, 10, 20, 40),
    frames=("spice", "parts=des-monomers"),
    far=("spice", "parts=amino-acid-ligand-test"),
    elements=("H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I"),
)
