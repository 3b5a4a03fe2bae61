"""Own labels: how the error of orbital gaps falls with rows of B3LYP/STO-3G labels, and whether they help on labels of a better method.

The claim of QM1B (arXiv 2311.01135), at the size that a laptop labels in minutes: molecules of QM8 with seven or eight heavy
atoms, one conformer each; then PCQM4Mv2's sample, whose gaps are B3LYP/6-31G*. The column "homo" of that sample holds gaps: its
mean is 5.2 eV.
"""

from __future__ import annotations

from hooke.suites import LabelScalingSuite

SUITE = LabelScalingSuite(
    name="qm1b_scaling",
    title="Own labels: gap errors against rows",
    recipe="orbital_gap",
    label="y",
    shares=(0.0625, 0.125, 0.25, 0.5, 1.0),
    molecules=("moleculenet", "qm8"),
    heavy_atoms=(7, 8),
    count=1260,
    method="b3lyp/sto-3g",
    grid=0,
    other=("shelf", "pcqm4mv2"),
    other_label="homo",
)
