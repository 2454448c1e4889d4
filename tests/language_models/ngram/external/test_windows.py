from pathlib import Path

import numpy as np
import pytest

from nlmkit.language_models.ngram.external.store import Store
from nlmkit.language_models.ngram.external.windows import TEXT, part_keys, sampled_keys, window_columns
from nlmkit.text.vocabulary import EOS_ID


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("width", [2, 4])
def test_sampled_keys_are_those_of_windows(step: int, width: int, tmp_path: Path) -> None:
    store, absent = Store(tmp_path / "store"), 9
    generator = np.random.default_rng(step)
    codes, before = (generator.integers(0, 5, size).astype(np.int32) for size in (200, width))
    store.write(f"{TEXT}/0", {"codes": codes, "before": before})
    vocabulary = np.array([EOS_ID, 3, 4, 0, 5], np.int32)
    columns = window_columns(vocabulary[codes], vocabulary[before], 2, absent)
    expected = part_keys([column[: len(codes)] for column in columns])[::step]
    np.testing.assert_array_equal(sampled_keys(store, 0, vocabulary, step, absent), expected)
