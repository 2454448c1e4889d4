"""The public names keep their types: what a user writes passes ``mypy --strict``, and what is wrong does not."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RIGHT = """
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nlmkit
from nlmkit import LSTM, Classifier, Component, LanguageModel, NBSVM, NGram, Representation, RunOptions, Word2Vec, load

lm: NGram = NGram(order=5).fit("train.txt", run=RunOptions(progress=None))
perplexity: float = load("kn5", LanguageModel).perplexity("test.txt")
order: int = load(Path("kn5"), NGram, verify=False).order
labels: NDArray[np.str_] = load("sentiment", Classifier).predict(["a"])
neighbours: list[tuple[str, float]] = load("vectors", Representation).similar("harbour")
neighbours = load("vectors", Representation).most_similar("harbour")
anything: Component = load("kn5")
if isinstance(anything, LanguageModel):
    print(anything.report("test.txt").render())
neural: LSTM = LSTM(hidden=8).fit("train.txt", valid="valid.txt", run=RunOptions(progress="auto"))
vectors: Word2Vec = Word2Vec().fit("train.txt")
classifier: NBSVM = NBSVM().fit(["a", "b"], ["x", "y"])
text: str = nlmkit.compare([lm, "models/lstm", Path("mixed")], "test.txt", context="stream").render()
facts: dict[str, object] = nlmkit.compare({"five": lm, "saved": "lstm"}, ["a b", "c"], samples=0).to_dict()
try:
    load("absent")
except FileNotFoundError as error:
    logging.getLogger("nlmkit").info("%s: %s", error.filename, error)
"""

WRONG = {
    'load("kn5").perplexity("test.txt")': "attr-defined",
    'load("kn5", LanguageModel).predict(["a"])': "attr-defined",
    'load("kn5", str)': "type-var",
    'compare("kn5", text="test.txt").rank': "attr-defined",
    'RunOptions(progress="always")': "arg-type",
}


def test_what_users_write_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = pytest.importorskip("mypy.api", reason="types are checked by mypy")
    file = tmp_path / "program.py"
    wrong = "from nlmkit import LanguageModel, RunOptions, compare, load\n" + "\n".join(WRONG) + "\n"
    file.write_text(RIGHT, encoding="utf-8")
    other = tmp_path / "wrong.py"
    other.write_text(wrong, encoding="utf-8")
    root = Path(__file__).parents[1]
    monkeypatch.chdir(root)  # for the cache of mypy, which the check of the package fills too
    options = ["--strict", "--no-error-summary", "--config-file", str(root / "pyproject.toml")]
    out, err, _ = api.run([*options, str(file), str(other)])
    assert err == ""
    lines = out.splitlines()
    assert [line for line in lines if "program.py" in line and ": error:" in line] == []
    found = [line for line in lines if "wrong.py" in line and ": error:" in line]
    assert [line.rpartition("[")[2].rstrip("]") for line in found] == list(WRONG.values()), found
