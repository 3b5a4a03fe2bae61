from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.cells.profiles import Profiles
from hooke.cells.quality import Rule, quality_control, summary
from hooke.core.errors import UsageError


def test_every_rule_says_why() -> None:
    values = np.zeros((8, 2), np.float32)
    values[7, 0] = np.nan
    counts = [100, 102, 98, 101, 99, 3, 100, 100]
    metadata = pl.DataFrame(
        {
            "plate": ["a"] * 8, "cell_count": counts, "saturated_share": [0.0, 0, 0, 0.5, 0, 0, 0, 0],
            "focus": [1.0, 1.1, 0.9, 1.02, 1.05, 0.97, None, 1],
        }
    )  # fmt: skip
    judged = quality_control(Profiles.of_embeddings(values, metadata))
    assert judged["passed"].to_list() == [True, True, True, False, True, False, False, False]
    assert judged["reason"][3].startswith("saturated_share 0.5 > 0.01")
    assert judged["reason"][5].startswith("cell_count 3 < ")
    assert judged["reason"][6] == "focus not measured"
    assert judged["reason"][7] == "profile not finite"
    assert summary(judged) == {"passed": 4, "saturated_share": 1, "cell_count": 1, "focus": 1, "profile": 1}


def test_limits_follow_the_plate() -> None:
    counts = [*range(95, 105), *range(995, 1005), 300]
    metadata = pl.DataFrame({"plate": ["a"] * 10 + ["b"] * 11, "cell_count": counts})
    profiles = Profiles.of_embeddings(np.zeros((21, 1)), metadata)
    assert np.flatnonzero(~quality_control(profiles)["passed"].to_numpy()).tolist() == [20]
    high = quality_control(profiles, (Rule("cell_count", deviations=5, side="high"),))
    assert high["passed"].all()
    with pytest.raises(UsageError, match="no quality column"):
        quality_control(Profiles.of_embeddings(np.zeros((1, 1)), pl.DataFrame({"gene": ["A"]})))
