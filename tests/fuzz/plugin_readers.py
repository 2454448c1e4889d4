"""The readers of the plugins beside nlmkit in its source tree, as far as what they need is installed."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fuzz.folders import changes, put
from fuzz.mutations import mutated, number_changed
from fuzz.target import Target, check_vectors

PLUGINS = Path(__file__).parents[2] / "plugins"
ARPA = PLUGINS / "nlmkit-kenlm" / "tests" / "data" / "small.arpa"
LINES = ["the cat sat on the mat", "the dog ran", "a cat ran", "猫 坐 在 é 上"] * 3
UNKNOWN = ["cats", "猫坐", "x", "<unk>", ""]


def targets() -> Iterator[Target]:
    """All of them."""
    yield _kenlm()
    if importlib.util.find_spec("gensim") is not None:
        yield _fasttext()


def _module(distribution: str, name: str) -> Any:
    """A module of a plugin, installed or not."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        sys.path.append(str(PLUGINS / distribution))
        return importlib.import_module(name)


def _kenlm() -> Target:
    """The words of an ARPA file, and of a list; KenLM itself, which is C++, is not run."""
    vocabulary = _module("nlmkit-kenlm", "nlmkit_kenlm.vocabulary")

    def read(data: bytes, folder: Path) -> None:
        (folder / "model.arpa").write_bytes(data)
        with (folder / "model.arpa").open("rb") as file:
            order, words = vocabulary.words_of_arpa(file, "model.arpa")
        assert order >= 0
        assert len(set(words)) == len(words)
        assert all(words)
        assert {"<unk>", "<s>", "</s>"}.isdisjoint(words)
        vocabulary.words_of_list(str(folder / "model.arpa"))

    small = b"\\data\\\nngram 1=4\n\n\\1-grams:\n-1\t<unk>\n-1\t</s>\n-99\t<s>\t0\n-1\tcat\t-0.5\n\n\\end\\\n"
    return Target("kenlm's ARPA", st.one_of(mutated([small, ARPA.read_bytes()]), number_changed(small)), read)


@functools.cache
def _saved_fasttext() -> Path:
    """A saved model; kept for the length of the process."""
    from nlmkit.testing.registration import registered

    model = _module("nlmkit-fasttext", "nlmkit_fasttext.representation").FastText(
        dimension=2, epochs=1, buckets=20, min_count=1, longest=4
    )
    folder = Path(tempfile.mkdtemp(prefix="nlmkit-fuzz-")) / "fasttext"
    with registered(type(model)):
        model.fit(LINES).save(folder)
    return folder


def _fasttext() -> Target:
    from nlmkit import load
    from nlmkit.errors import DataError
    from nlmkit.testing.registration import registered

    def read(given: tuple[str, str, Any], folder: Path) -> None:
        _, part, changed = given
        target = folder / "model"
        shutil.copytree(_saved_fasttext(), target)
        put(target, part, changed)
        with registered(_module("nlmkit-fasttext", "nlmkit_fasttext.representation").FastText):
            model: Any = load(target)
            for word in UNKNOWN:
                with contextlib.suppress(DataError):  # none of its n-grams is known
                    vector = model.vectors([word])
                    assert np.isfinite(vector).all()
            check_vectors(model)

    return Target("saved fasttext", st.deferred(lambda: changes(_saved_fasttext(), "fasttext")), read)
