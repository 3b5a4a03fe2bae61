from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, UsageError
from hooke.diffraction.patterns import patterns_from_dense, write_patterns
from hooke.modalities import modality, modality_of_store, readable, trainable


@pytest.mark.parametrize(("refuse", "verb"), [(trainable, "fit"), (trainable, "search"), (readable, "embed")])
def test_what_needs_a_network_names_the_right_verb(refuse: object, verb: str) -> None:
    with pytest.raises(
        UsageError, match=f"`hooke {verb}` does not apply to diffraction: .* see `hooke diffraction reconstruct`"
    ) as caught:
        refuse("diffraction", verb)  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_a_store_of_frames_is_opened_and_described(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(0.5, (9, 25))
    counts[4] = 0
    patterns = patterns_from_dense([counts], "made", (5, 5))
    write_patterns(tmp_path / "store", patterns)
    found, store = modality_of_store(tmp_path / "store")
    assert found.name == "diffraction"
    assert store.same(patterns)
    described = found.describe(store)
    assert described.fields["patterns"] == 9
    assert described.fields["patterns with photons"] == 8
    assert described.left_out == "1 patterns hold no photon"
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError):
        found.open(tmp_path / "other")


def test_samples_are_the_same_for_the_same_seed() -> None:
    own = modality("diffraction")
    first, again, other = (own.sample(seed) for seed in (0, 0, 1))
    frames = first.batch([2, 0], None)
    assert frames.same(again.batch([2, 0], None))
    assert not frames.same(other.batch([2, 0], None))
