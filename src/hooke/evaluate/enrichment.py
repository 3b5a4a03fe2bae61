"""Whether values of the members of a set are larger or smaller than those of all others, by rank sums.

    z = (W - n1 (N + 1) / 2) / sqrt(n1 n2 / 12 (N + 1 - sum (t^3 - t) / (N (N - 1))))

W is the sum of the ranks of the n1 members, t the sizes of groups of equal values.

Source: Mann and Whitney 1947, with the correction for ties (Lehmann, "Nonparametrics", 1975).
Differs: no correction for continuity; genes of a pathway move together, so that p-values are anti-conservative (Wu and Smyth 2012,
doi:10.1093/nar/gks461): they rank pathways, and what is predicted is compared with what is measured by the same test.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
import scipy.stats


def rank_sums(values: np.ndarray, members: scipy.sparse.csr_array, *, least: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Test every set.

    Args:
        values: (g,), NaN where nothing is known: not counted.
        members: (sets, g) 1 where a gene is in a set.
        least: Fewer members, or fewer others, are not tested.

    Returns:
        (sets,) z, above zero where members are larger, and two-sided p; NaN where it is not tested.
    """
    known = ~np.isnan(values)
    count = int(known.sum())
    ranks = np.zeros(len(values))
    ranks[known] = scipy.stats.rankdata(values[known])
    inside = np.asarray(members @ known.astype(np.float64)).ravel()
    total = np.asarray(members @ ranks).ravel()
    ties = np.unique(values[known], return_counts=True)[1].astype(np.float64)
    shrink = (ties**3 - ties).sum() / (count * (count - 1.0)) if count > 1 else 0.0
    variance = inside * (count - inside) / 12 * (count + 1 - shrink)
    tested = (inside >= least) & (count - inside >= least) & (variance > 0)
    z = np.full(len(inside), np.nan)
    z[tested] = (total - inside * (count + 1) / 2)[tested] / np.sqrt(variance[tested])
    return z, 2 * scipy.stats.norm.sf(np.abs(z))
