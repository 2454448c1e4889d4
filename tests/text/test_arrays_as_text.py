"""Files of arrays that are read as text: one line says so, whichever reader meets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from nlmkit import Corpus, ParallelTexts, TaggedSentences, TextPipeline
from nlmkit.errors import DataError
from nlmkit.text.labelled import LabelledTexts


@pytest.fixture(params=[".npy", ".npz", ".safetensors"])
def arrays(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"vectors{request.param}"
    values = np.full((3, 40), 0.1, np.float32)
    if request.param == ".safetensors":
        path.write_bytes(save({"vectors": values}))
    elif request.param == ".npz":
        np.savez(path, vectors=values)
    else:
        with path.open("wb") as file:
            np.save(file, values)
    return path


@pytest.mark.parametrize("read", [Corpus.read, ParallelTexts.read, TaggedSentences.read, LabelledTexts.read])
def test_arrays_are_no_text(read, arrays: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError) as raised:
        read(arrays)
    assert str(raised.value) == f"{arrays}, byte 0: this is a file of arrays, not text"


def test_arrays_in_another_encoding_are_no_text(arrays: Path) -> None:
    with pytest.raises(DataError, match="this is a file of arrays"):
        Corpus.read(arrays, TextPipeline(encoding="gb18030"))
