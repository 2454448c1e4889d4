"""Optional packages: each message about a missing one names an extra that has it, and ``all`` has every extra."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
FOR_DEVELOPERS = {"test", "bench", "docs"}

BLOCKED = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *args: None if name.partition(".")[0] == {package!r} else find(name, *args)
import nlmkit
from nlmkit import *
texts, labels = ["a b c", "b c d", "c d a"], ["x", "y", "x"]
try:
    {code}
except nlmkit.NlmkitError as error:
    print(error)
"""

CASES = [
    ("torch", "LSTM().fit(texts)"),
    ("torch", "GRU().fit(texts)"),
    ("torch", "RNNLM().fit(texts)"),
    ("torch", "NNLM().fit(texts)"),
    ("torch", "CNN().fit(texts, labels)"),
    ("torch", "LSTMClassifier().fit(texts, labels)"),
    ("torch", "LSTMCNN().fit(texts, labels)"),
    ("torch", "HAN().fit(texts, labels)"),
    ("sklearn", "NBSVM().fit(texts, labels)"),
    ("sklearn", "TfidfLogReg().fit(texts, labels)"),
    ("pycrfsuite", "CRFTagger().fit([['a', 'b']], [['x', 'y']])"),
    ("scipy", "LSA(dimension=2).fit(texts)"),
    ("scipy", "OneHot().fit(texts).matrix"),
    ("scipy", "OneHot().fit(texts).score([('a', 'b', 1.0)] * 60)"),
    ("gensim", "Word2Vec().fit(texts)"),
    ("gensim", "OneHot().fit(texts).score()"),
    ("gensim", "Vectors.from_arrays(['a'], [[1.0]]).to_keyed_vectors()"),
    ("numba", "GloVe(min_count=1).fit(texts)"),
    ("matplotlib", "from nlmkit.plots.perplexities import check_plot; check_plot('a.png')"),
    ("starlette", "from nlmkit.serving.packages import check_packages; check_packages()"),
    ("jinja2", "import nlmkit; nlmkit.report([NGram(order=1).fit(texts)])"),
    ("nltk", "LabelledTrees.of(['(1 a)']).to_nltk()"),
    ("zstandard", "Corpus.read('text.zst')"),
    ("distributed", "NGram().fit(texts, run=RunOptions(engine='dask://127.0.0.1:1', temporary_folder='t'))"),
    ("fsspec", "NGram().fit(texts, run=RunOptions(temporary_folder='memory://t'))"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("package", "code"), CASES)
def test_a_missing_package_is_named_with_an_extra_that_has_it(package: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "text.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    program = BLOCKED.format(package=package, code=code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.search(r"pip install 'nlmkit\[(\w+)\]'", done.stdout)
    assert found is not None, done.stdout
    project = {"sklearn": "scikit-learn", "pycrfsuite": "python-crfsuite"}.get(package, package)
    assert any(re.match(rf"{project}\b", requirement) for requirement in EXTRAS[found[1]]), done.stdout


def test_all_has_every_extra_for_users() -> None:
    (requirement,) = EXTRAS["all"]
    named = set(re.fullmatch(r"nlmkit\[(.*)\]", requirement)[1].split(","))  # type: ignore[index]
    assert named == set(EXTRAS) - FOR_DEVELOPERS - {"all"}


def test_the_tests_have_every_package_of_the_extras() -> None:
    optional = {requirement for name in set(EXTRAS) - FOR_DEVELOPERS - {"all"} for requirement in EXTRAS[name]}
    assert optional <= set(EXTRAS["test"])


def test_the_page_on_installing_lists_the_extras() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    table = page[page.index("| extra | adds |") :].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == set(EXTRAS) - FOR_DEVELOPERS
