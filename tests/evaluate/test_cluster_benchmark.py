from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.evaluate.clustering import cluster_benchmark


def test_planted_clusters_stand_out() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(60, 8))
    values[:10] += 2 * generator.normal(size=8)
    names = [f"g{number}" for number in range(60)]
    clusters = {"real": [*names[:10], "elsewhere"], "random": names[20:32], "small": names[:3], "all": names}
    real, random = cluster_benchmark(values, names, clusters)
    assert (real.name, random.name) == ("real", "random")
    assert real.members == tuple(names[:10])
    assert real.within > real.between + 0.3
    assert real.q_value < 1e-6 < random.q_value
    assert real.statistic > random.statistic
    assert cluster_benchmark(values, names, {}) == []
    with pytest.raises(UsageError, match="two members"):
        cluster_benchmark(values, names, clusters, least=1)
