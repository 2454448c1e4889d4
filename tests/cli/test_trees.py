"""Classifiers of trees on the command line: ``fit``, ``score`` and ``classify``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toys.plugin_packages import write_package
from toys.tree_counts import ENTRY_POINTS, TreeCounts

from cli.conftest import Run
from nlmkit import load
from nlmkit.text.trees import LabelledTrees

pytestmark = pytest.mark.slow

GOOD = ["(pos (pos fine) (neu film))", "(pos (neu a) (pos (pos fine) (neu meal)))"]
BAD = ["(neg (neg dull) (neu film))", "(neg (neu a) (neg (neg dull) (neu meal)))"]
TREES = "\n".join([*GOOD, *BAD, *GOOD, *BAD]) + "\n"
TEST = "(pos (neu a) (pos fine))\n(neg (neu a)\n (neg dull))\n(neg fine)\n"
DEPENDENCIES = "# label = pos\n1\tfine\t_\t_\t_\t_\t2\t_\t_\tLabel=pos\n2\tfilm\t_\t_\t_\t_\t0\t_\t_\t_\n\n"


@pytest.fixture(autouse=True, scope="module")
def toy_classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The metadata of a plugin with a toy classifier of trees, on ``sys.path``."""
    folder = tmp_path_factory.mktemp("toy-trees")
    write_package(folder, "nlmkit-toy-trees", groups=ENTRY_POINTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.fixture
def files() -> None:
    """Files of trees in the working directory, and a fitted classifier, ``m``."""
    Path("train.txt").write_text(TREES, encoding="utf-8")
    Path("test.txt").write_text(TEST, encoding="utf-8")
    Path("d.conllu").write_text(DEPENDENCIES, encoding="utf-8")
    TreeCounts().fit(LabelledTrees.read("train.txt")).save("m")


@pytest.mark.usefixtures("files")
def test_fit_saves_what_fit_in_python_saves(run: Run) -> None:
    facts = json.loads(run("fit", "tree-counts", "train.txt", "--valid", "test.txt", "-o", "n", "--json").stdout)
    assert facts["digest"] == load("n").digest
    assert facts["fit"]["classes"] == {"neg": 4, "pos": 4}
    assert facts["fit"]["validation_accuracy"] == pytest.approx(2 / 3)
    assert np.array_equal(load("n").log_shares_, load("m").log_shares_)
    assert "saved to" in run("fit", "tree-counts", "-", "-o", "n", "--format", "brackets", input=TREES).stdout


@pytest.mark.usefixtures("files")
def test_score_has_the_accuracy_of_roots_and_nodes(run: Run) -> None:
    found = json.loads(run("score", "m", "test.txt", "--json").stdout)
    assert (found["score"], found["n"]) == (pytest.approx(2 / 3), 3)
    assert (found["node_accuracy"], found["labelled_nodes"]) == (pytest.approx(6 / 7), 7)
    lines = run("score", "m", "test.txt").stdout.splitlines()
    assert lines[:2] == ["node accuracy  0.8571", "labelled nodes  7"]
    assert lines[2].startswith("accuracy  0.6667")
    assert json.loads(run("score", "m", "d.conllu", "--json").stdout)["score"] == 1


@pytest.mark.usefixtures("files")
def test_classify_labels_roots_or_all_nodes(run: Run) -> None:
    rows = [line.split("\t") for line in run("classify", "m", "test.txt").stdout.splitlines()]
    assert [row[0] for row in rows] == ["pos", "neg", "pos"]
    row = run("classify", "m", "test.txt", "--nodes", "--with-text").stdout.splitlines()[1].split("\t")
    assert [row[0], *row[2:]] == ["neg", "(neg (neu a) (neg dull))", "a dull"]
    first, *_ = run("classify", "m", "test.txt", "--nodes", "--json").stdout.splitlines()
    facts = json.loads(first)
    model, trees = load("m"), LabelledTrees.read("test.txt")
    shares = model.predict_proba(trees)[0]
    assert facts["probabilities"] == {str(name): value for name, value in zip(model.classes_, shares, strict=True)}
    assert [(node["label"], node["text"], node["parent"]) for node in facts["nodes"]] == [
        ("neu", "a", 2),
        ("pos", "fine", 2),
        ("pos", "a fine", None),
    ]
    assert facts["nodes"][0]["probability"] == model.predict_proba_nodes(trees)[0].max()
    assert facts["nodes"][2]["probability"] == facts["probability"]
    row = run("classify", "m", "d.conllu", "--nodes").stdout.rstrip("\n").split("\t")
    assert [row[0], row[2]] == ["pos", "fine:pos film:pos"]
    row = run("classify", "m", "--input", "conllu", "--with-text", input=DEPENDENCIES).stdout.split("\t")
    assert [row[0], row[2]] == ["pos", "fine film\n"]
    assert json.loads(run("predict", "m", "test.txt", "--json").stdout.splitlines()[0])["label"] == "pos"


@pytest.mark.usefixtures("files")
def test_the_first_tree_that_fits_is_drawn(run: Run) -> None:
    pytest.importorskip("matplotlib")
    wide = f"(neg {'(neg dull) ' * 61})"
    found = run("classify", "m", "--tree-plot", "p.svg", input=f"{wide}\n{TEST}")
    assert len(found.stdout.splitlines()) == 4
    assert ">fine<" in Path("p.svg").read_text(encoding="utf-8")
    found = run("classify", "m", "--tree-plot", "q.svg", input=wide)
    assert "q.svg is not drawn: no tree has at most 60 words" in found.stderr
    assert not Path("q.svg").exists()


@pytest.mark.usefixtures("files")
def test_trees_before_a_fault_are_answered(run: Run) -> None:
    found = run("classify", "m", input="(neu fine)\n(neu dull))\n", code=1)
    assert found.stdout.startswith("pos\t")
    assert "-, line 2: unbalanced brackets" in found.stderr


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("fit", "tree-counts", "train.txt", "-o", "n", "--format", "tsv"), 2, "tree-counts reads trees; use --format"),
        (("score", "m", "test.txt", "--format", "csv"), 2, "--format csv: tree-counts reads trees"),
        (("score", "m", "test.txt", "--label-column", "x"), 2, "reads trees, which have no columns"),
        (("classify", "m", "test.txt", "--text-column", "x"), 2, "classifies trees, which have no columns"),
        (("classify", "m", "test.txt", "--highlights"), 1, "cannot explain its predictions"),
        (("classify", "m", "test.txt", "--tree-plot", "test.txt"), 1, "which is read: choose another path"),
        (("classify", "m", "test.txt", "--tree-plot", "p.gif"), 1, "unsupported picture format"),
        (("classify", "m", "test.txt", "--marks", "skip"), 1, "a node cannot lose its word"),
        (("fit", "tree-counts", "train.txt", "-o", "n", "--tokenizer", "word"), 1, "tokenizer"),
        (("fit", "nbsvm", "train.txt", "-o", "n", "--format", "brackets"), 2, "nbsvm reads labelled texts, not trees"),
        (("fit", "crf-tagger", "train.txt", "-o", "n", "--format", "brackets"), 2, "brackets: for classifiers"),
        (("score", "m", "corpus:reviews-en/test"), 1, "has no trees"),
    ],
)
def test_options_that_do_not_apply(run: Run, arguments: tuple[str, ...], code: int, problem: str) -> None:
    assert problem in run(*arguments, code=code).stderr


@pytest.mark.usefixtures("files")
def test_plain_text_is_one_clear_line(run: Run) -> None:
    for arguments in (("classify", "m"), ("score", "m", "-"), ("fit", "tree-counts", "-", "-o", "n")):
        found = run(*arguments, input="pos\ta fine film\n", code=1)
        assert found.stderr.splitlines()[-1].startswith("nlmkit: -, line 1: 'pos' is outside brackets: expected a tree")


@pytest.mark.usefixtures("files")
def test_a_classifier_of_texts_has_no_nodes(run: Run) -> None:
    Path("texts.tsv").write_text("pos\ta fine film\nneg\ta dull film\n" * 4, encoding="utf-8")
    run("fit", "nbsvm", "texts.tsv", "-o", "n", "--quiet")
    found = run("classify", "n", "--nodes", "--input", "brackets", input="fine\n", code=2)
    assert "--input, --nodes: nbsvm, which n is, reads texts, not trees" in found.stderr


@pytest.mark.usefixtures("files")
def test_cross_validation(run: Run) -> None:
    found = json.loads(run("fit", "tree-counts", "train.txt", "--cross-validate", "2", "--json").stdout)
    assert (found["accuracy"]["mean"], found["n"], len(found["folds"])) == (1, 8, 2)
