"""Labelled trees: in memory, and from files of both forms, whose faults are named by file and line."""

from __future__ import annotations

import gzip
import importlib.util
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk import Tree

from nlmkit.errors import DataError, HyperParameterError, MissingFileError
from nlmkit.text import Corpus
from nlmkit.text.trees import LabelledTrees

FILM = "(3 (2 The) (3 (4 good) (2 film)))"
DOGS = """\
# sent_id = 1
# label = pos
1-2\tThedogs\t_\t_\t_\t_\t_\t_\t_\t_
1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_
2\tdogs\tdog\tNOUN\tNNS\t_\t3\tnsubj\t_\tLabel=neg|SpaceAfter=No
3\tbark\tbark\tVERB\tVBP\t_\t0\troot\t_\t_
3.1\tgone\t_\t_\t_\t_\t_\t_\t_\t_
4\tNew York\tNew York\tPROPN\tNNP\t_\t3\tobl\t_\t_

1\tOut\tout\tADV\tRB\t_\t0\troot\t_\tLabel=neu
"""
SIZES = {"train": 240, "valid": 60, "test": 60}
PHRASE = "(NP the (NN dog) (NP (DT a) (JJ b) c))"


def write(folder: Path, content: str | bytes, name: str = "trees.txt") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def columns(trees: LabelledTrees) -> tuple[Any, ...]:
    return trees.words, trees.node_labels, trees.parent.tolist(), trees.positions.tolist(), trees.offsets.tolist()


# ------------------------------------------------------------------------------------------------------------ reading


def test_nodes_are_in_post_order(tmp_path: Path) -> None:
    trees = LabelledTrees.read(write(tmp_path, f"{FILM}\n(1 dull)\n"))
    assert columns(trees) == (
        ("The", "good", "film", "", "", "dull"),
        ("2", "4", "2", "3", "3", "1"),
        [4, 3, 3, 4, -1, -1],
        [0, 1, 2, -1, -1, 0],
        [0, 5, 6],
    )
    assert (trees.form, len(trees), trees.nodes, trees.labels.tolist()) == ("constituency", 2, 6, ["3", "1"])
    assert trees.roots.tolist() == [4, 5]
    assert trees.sizes.tolist() == [5, 1]
    assert trees.lines is not None
    assert trees.lines.tolist() == [1, 2]
    assert trees.counts == {"1": 1, "3": 1}
    assert trees.notes == []
    assert trees.sentences() == [["The", "good", "film"], ["dull"]]
    assert trees.texts == ("The good film", "dull")
    assert "2 constituency trees, 6 nodes, 6 labelled with 4 labels" in repr(trees)
    assert [str(value.dtype) for value in (trees.word_ids, trees.label_ids, trees.parent, trees.offsets)] == [
        "int32",
        "int32",
        "int32",
        "int64",
    ]
    with pytest.raises(ValueError, match="read-only"):
        trees.parent[0] = 0


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (f"{FILM} (1 dull)", [FILM, "(1 dull)"]),
        ("(3\n (2\tThe)\r\n\n(3 (4\ngood) (2 film )))(1 dull)\n", [FILM, "(1 dull)"]),
        (PHRASE, ["(NP (_ the) (NN dog) (NP (DT a) (JJ b) (_ c)))"]),
        ("( (S (NP (NNP Jo)) (VP (V ran))))", ["(S (NP (NNP Jo)) (VP (V ran)))"]),
        ("((S (X a) (Y b)))", ["(S (X a) (Y b))"]),
        ("((X a) (Y b))", ["(_ (X a) (Y b))"]),
        ("(_ (X a))", ["(_ (X a))"]),
        ("(S (NP-SBJ (-NONE- *-1)) (NP (-NONE- 0) (NN dog)) (V ran))", ["(S (NP (NN dog)) (V ran))"]),
        ("(3 (2 -LRB-) (2 a\\/b) (2 x\\(y) (2 -RSB-))", ["(3 (2 -LRB-) (2 a/b) (2 x\\(y) (2 -RSB-))"]),
        ("(3 (2 9\xa01/2) (2 b))", ["(3 (2 9\xa01/2) (2 b))"]),
        ("(好 (好 很) (好 好))", ["(好 (好 很) (好 好))"]),
        ("\ufeff(1 a)\r\n(2 b)", ["(1 a)", "(2 b)"]),
    ],
)
def test_bracketed_trees(content: str, found: list[str], tmp_path: Path) -> None:
    trees = LabelledTrees.read(write(tmp_path, content))
    assert trees.strings() == found
    assert LabelledTrees.from_strings(trees.strings()).digest == trees.digest


def test_words_are_as_in_plain_text() -> None:
    words = LabelledTrees.from_strings([r"(3 (2 -LRB-) (2 a\/b) (2 x\(y) (2 \*) (2 -RCB-) (2 a\b))"]).sentences()
    assert words == [["(", "a/b", "x(y", "*", "}", "a\\b"]]


def test_dependencies(tmp_path: Path) -> None:
    trees = LabelledTrees.read(write(tmp_path, DOGS, "dogs.conllu"))
    assert columns(trees) == (
        ("The", "dogs", "New York", "bark", "Out"),
        (None, "neg", None, "pos", "neu"),
        [1, 3, 3, -1, -1],
        [0, 1, 3, 2, 0],
        [0, 4, 5],
    )
    assert trees.form == "dependency"
    assert trees.labels.tolist() == ["pos", "neu"]
    assert trees.lines is not None
    assert trees.lines.tolist() == [4, 10]
    assert trees.sentences()[0] == ["The", "dogs", "bark", "New York"]
    rows = [[(2, "The", None), (3, "dogs", "neg"), (0, "bark", "pos"), (3, "New York", "")], [(0, "Out", "neu")]]
    assert LabelledTrees.from_dependencies(rows).digest == trees.digest
    assert LabelledTrees.read(write(tmp_path, DOGS, "dogs.txt"), format="conllu").digest == trees.digest
    assert trees.take([1, 0]).sentences()[1] == ["The", "dogs", "bark", "New York"]
    for method in (trees.strings, trees.to_nltk, trees.binarized):
        with pytest.raises(DataError, match="dependency trees"):
            method()


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, f"{FILM}\n")
    packed = write(tmp_path, gzip.compress(b"(1 dull)\n"), "more.txt.gz")
    both = LabelledTrees.read([str(file), str(packed)])
    assert both.strings() == [FILM, "(1 dull)"]
    assert both.lines is None
    assert "more.txt.gz" in both.source
    assert LabelledTrees.read([file, packed]).digest == both.digest
    assert LabelledTrees.read([FILM, "(1 dull)"]).digest == both.digest
    assert LabelledTrees.read(io.BytesIO(b"(1 dull)")).strings() == ["(1 dull)"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"(1 dull)")))
    assert LabelledTrees.read("-").strings() == ["(1 dull)"]
    assert LabelledTrees.read(write(tmp_path, "(1 caf\xe9)".encode("latin-1")), encoding="latin-1").texts == ("café",)


def test_marks_and_nul_are_ordinary_words(tmp_path: Path) -> None:
    file = write(tmp_path, "(1 (1 <s>) (1 a\0b) (1 </s>))")
    assert LabelledTrees.read(file).sentences() == [["&lt;s&gt;", "a␀b", "&lt;/s&gt;"]]
    assert LabelledTrees.from_strings(["(1 (1 <s>) (1 a\0b))"]).sentences() == [["&lt;s&gt;", "a␀b"]]
    with pytest.raises(DataError, match=r"trees\.txt, line 1.*NUL"):
        LabelledTrees.read(file, marks="error")
    with pytest.raises(DataError, match=r"trees\.txt, line 2: .*<s>"):
        LabelledTrees.read(write(tmp_path, "(1 a)\n(1 <s>)"), marks="error")
    with pytest.raises(HyperParameterError, match="cannot lose its word"):
        LabelledTrees.read(file, marks="skip")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"{FILM}\n(3 (2 a)\n(2 b)\n", "line 2: unbalanced brackets: a bracket is not closed in the tree that begins"),
        ("(3 (2 (1 a\n", "line 1: unbalanced brackets: 3 brackets are not closed"),
        (f"{FILM}\n(3 a))\n", "line 2: unbalanced brackets: a bracket is closed that was not opened"),
        (")", "line 1: unbalanced brackets"),
        ("(1 a)\n()", r"line 2: an empty tree, \(\)"),
        ("(3 (2 a) ())", r"line 1: an empty tree"),
        ("(3\n(2 )\n(2 a))", r"line 2: \(2\) has a label and no word"),
        ("A good film.", "line 1: 'A' is outside brackets: expected a tree"),
        ("pos\tA good film.", "line 1: 'pos' is outside brackets"),
        ("(1 a) b", "line 1: 'b' is outside brackets"),
        ("(S (-NONE- *))", "line 1: a tree without words"),
        ("\n\n", "no trees"),
        ("", "no trees"),
        (b"(1 a)\n(1 \xff)", "line 2"),
        (f"({'x' * 1001} a)", "line 1: a label has 1001 characters"),
        (f"{'x' * 99}", "line 1: '" + "x" * 40 + "...' is outside brackets"),
    ],
)
def test_faults_of_bracketed_trees_name_their_line(content: str | bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        LabelledTrees.read(write(tmp_path, content))
    assert "trees.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def rows(*cells: tuple[str, str]) -> str:
    return "".join(f"{id_}\tw\t_\t_\t_\t_\t{head}\t_\t_\t_\n" for id_, head in cells)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (rows(("1", "2"), ("2", "1")), "line 1: no root"),
        (rows(("1", "0"), ("2", "0")), "line 2: two roots, words 1 and 2"),
        (rows(("1", "0"), ("2", "3"), ("3", "2")), "line 2: a cycle: the heads of word 2 do not lead to the root"),
        (rows(("1", "0"), ("2", "2")), "line 2: a cycle"),
        (rows(("1", "0"), ("2", "7")), "line 2: the head of word 2 is 7, but the sentence has 2 words"),
        (rows(("1", "4")), "line 1: the head of word 1 is 4, but the sentence has 1 word$"),
        (rows(("1", "_")), "line 1: the HEAD is '_', expected the ID"),
        (rows(("1", "0"), ("3", "1")), "line 2: the ID is 3, expected 2"),
        (rows(("one", "0")), "line 1: the ID is 'one'"),
        ("1\tw\t_\n", "line 1: 3 columns separated by tabs, expected the 10"),
        (f"{rows(('1', '0'))}\n{FILM}", "line 3: 1 column.*set the format to brackets"),
        ("1\t\t_\t_\t_\t_\t0\t_\t_\t_\n", r"line 1: the word \(FORM\) is empty"),
        ("# label = pos\n", "line 1: a label of a sentence that has no words"),
        ("# no words\n\n", "no trees"),
    ],
)
def test_faults_of_dependencies_name_their_line(content: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        LabelledTrees.read(write(tmp_path, content, "d.conllu"))
    assert "d.conllu" in str(caught.value)


def test_faults_of_sources(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="missing"):
        LabelledTrees.read(str(tmp_path / "missing"))
    with pytest.raises(HyperParameterError, match="must be one of brackets, conllu, not 'bracket'; did you mean"):
        LabelledTrees.read(write(tmp_path, FILM), format="bracket")
    with pytest.raises(DataError, match="no trees"):
        LabelledTrees.read([])
    with pytest.raises(DataError, match=r"the format is conllu, and that of .* is brackets: read them apart"):
        LabelledTrees.read([write(tmp_path, FILM), write(tmp_path, DOGS, "d.conllu")])
    with pytest.raises(DataError, match="corpus:english has no trees, it is a corpus for language-modelling"):
        LabelledTrees.read("corpus:english")
    with pytest.raises(DataError, match="one tree was given as the source"):
        LabelledTrees.read(FILM)
    with pytest.raises(DataError, match="not from token lists"):
        LabelledTrees.read([["a", "b"]])


# ---------------------------------------------------------------------------------------------------------- in memory


def test_trees_in_memory() -> None:
    trees = LabelledTrees.of([FILM, Tree.fromstring(FILM)])
    assert trees.strings() == [FILM, FILM]
    assert LabelledTrees.of(trees) is trees
    assert LabelledTrees.of(np.array([FILM], object)).strings() == [FILM]
    assert LabelledTrees.from_nltk([Tree("", [Tree("S", ["a", "b"])]), Tree("", ["a", "b"])]).strings() == [
        "(S (_ a) (_ b))",
        "(_ (_ a) (_ b))",
    ]
    assert LabelledTrees.from_nltk([Tree(3, [Tree(None, ["("]), Tree("x", ["-LRB-", "\\("])])]).sentences() == [
        ["(", "(", "("]
    ]
    labelled = LabelledTrees.of([FILM, "(1 a)"], [True, False])
    assert labelled.labels.tolist() == ["True", "False"]
    assert labelled.string(-1) == "(False a)"
    other = trees.with_node_labels([0] * trees.nodes, ["x"])
    assert other.string(0) == "(x (x The) (x (x good) (x film)))"


@pytest.mark.parametrize(
    ("trees", "problem"),
    [
        (FILM, "expected a sequence of trees, not one tree"),
        (Tree.fromstring(FILM), "not one tree"),
        (3, "not int"),
        ([FILM, 3], "<trees>, tree 2: is int: expected a bracketed string"),
        ([FILM, None], "tree 2: is missing"),
        ([FILM, f"{FILM} {FILM}"], "tree 2: 2 trees in one string"),
        ([""], "tree 1: no trees in one string"),
        (["(3 a"], "tree 1: unbalanced brackets"),
        (["plain text"], "tree 1: 'plain' is outside brackets"),
        ([Tree("3", [])], r"tree 1: \(3\) has a label and no word"),
        ([Tree("3", [5])], "tree 1: a leaf is int, not a string"),
        ([Tree("3", ["a b"])], "tree 1: the word 'a b' is empty or holds white space"),
        ([Tree("3 4", ["a"])], "tree 1: the label '3 4' holds white space or a bracket"),
        (["(1 \ud800)"], "contains a lone surrogate, U\\+D800"),
        (["(\ud800 a)"], "the label .* contains a lone surrogate"),
    ],
)
def test_faults_in_memory_name_the_tree(trees: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        LabelledTrees.of(trees)


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        ([], "tree 1: the sentence has no words"),
        ([(0, "a")], "tree 1: word 1 is not a triple"),
        ([("0", "a", None)], "word 1 has the head '0'"),
        ([(0, "", None)], "word 1 is ''"),
        ([(0, "a", 3)], "word 1 has the label 3"),
        ([(0, "a\nb", None)], "contains a line feed"),
        ([(-1, "a", None)], "the head of word 1 is -1"),
    ],
)
def test_faults_of_rows_name_the_word(sentence: list[Any], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        LabelledTrees.from_dependencies([sentence])


def test_a_root_without_a_label_is_named_by_its_line(tmp_path: Path) -> None:
    trees = LabelledTrees.read(write(tmp_path, "(1 a)\n\n(_ b)\n"))
    with pytest.raises(DataError, match=r"trees\.txt, line 3: the root has no label"):
        _ = trees.labels


def test_labels_of_roots() -> None:
    trees = LabelledTrees.from_strings(["(1 a)", "(_ (1 a) (2 b))"])
    with pytest.raises(DataError, match="<trees>, tree 2: the root has no label"):
        _ = trees.labels
    assert trees.root_label_ids.tolist() == [0, -1]
    assert trees.take([0]).root_labels.tolist() == ["1"]
    assert trees.with_labels(["x", "y"]).labels.tolist() == ["x", "y"]
    with pytest.raises(DataError, match="2 trees and 1 labels"):
        trees.with_labels(["x"])
    with pytest.raises(DataError, match="label 1 is float"):
        trees.with_labels([1.5, 2.5])


def test_no_trees() -> None:
    none = LabelledTrees.from_strings([])
    assert (len(none), none.nodes, none.texts, none.labels.tolist(), none.counts) == (0, 0, (), [], {})
    assert len(LabelledTrees.from_strings([FILM]).take([])) == 0
    assert none.binarized() is none
    with pytest.raises(IndexError, match="tree 0 is out of range"):
        none.string(0)


def test_parts_have_their_own_words_and_labels() -> None:
    trees = LabelledTrees.from_strings([FILM, "(1 (_ dull) (9 film))", "(2 x)"])
    part = trees.take([2, 1])
    assert part.strings() == ["(2 x)", "(1 (_ dull) (9 film))"]
    assert (part.word_types, part.label_names) == (("x", "dull", "film"), ("2", "9", "1"))
    assert part.digest == LabelledTrees.from_strings(part.strings()).digest != trees.digest


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"form": "graph"}, "the form of trees must be"),
        ({"word_ids": [0]}, "one value per node"),
        ({"offsets": [0, 2]}, "from 0 to the number of nodes"),
        ({"offsets": [0, 0, 3]}, "each tree must have a node"),
        ({"word_ids": [0, 2, -1]}, "the id of a word must be an index"),
        ({"label_ids": [0, -2, 0]}, "the id of a label must be an index"),
        ({"word_types": ("a", "a")}, "the word types must differ"),
        ({"lines": np.array([1, 2])}, "1 trees and 2 lines"),
        ({"parent": [2, -1, -1]}, "the last node of each tree must be its root"),
        ({"parent": [1, 0, -1]}, "each node must come before its parent"),
        ({"parent": [1, 2, -1]}, "the leaves of a constituency tree"),
        ({"form": "dependency"}, "each node of a dependency tree must have a word"),
        ({"positions": [0, -1, -1]}, "must have a position"),
    ],
)
def test_columns_that_contradict_each_other(changes: dict[str, Any], problem: str) -> None:
    made = {
        "word_types": ("a", "b"),
        "word_ids": [0, 1, -1],
        "label_names": ("x",),
        "label_ids": [0, -1, 0],
        "parent": [2, 2, -1],
        "positions": [0, 1, -1],
        "offsets": [0, 3],
    }
    assert LabelledTrees(**made).strings() == ["(x (x a) (_ b))"]  # type: ignore[arg-type]
    with pytest.raises(DataError, match=problem):
        LabelledTrees(**(made | changes))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ shapes, other readers


def test_binarization_by_hand() -> None:
    trees = LabelledTrees.from_strings(["(A (B (C a) (D b) (E c) (F d)))", "(_ (X (Y a)))", FILM])
    left, places = trees.binarized_with_places()
    assert left.strings() == ["(A (_ (_ (C a) (D b)) (E c)) (F d))", "(X a)", FILM]
    assert [left.node_labels[place] for place in places] == [*"CDEFAAXXX", *"24233"]
    right, places = trees.binarized_with_places("right")
    assert right.strings() == ["(A (C a) (_ (D b) (_ (E c) (F d))))", "(X a)", FILM]
    assert [right.node_labels[place] for place in places] == [*"CDEFAAXXX", *"24233"]
    binary = trees.take([2])
    assert binary.binarized() is binary
    with pytest.raises(HyperParameterError, match="must be left or right, not 'up'"):
        trees.binarized("up")  # type: ignore[arg-type]


def words() -> st.SearchStrategy[str]:
    return st.sampled_from(["a", "dog", "(", "-LRB-", "a/b", "*", "é", "很", "a)b", "9\xa01", "\\", "\\/"])


def nodes() -> st.SearchStrategy[Tree]:
    labels = st.sampled_from(["0", "1", "NP", "_", ""])
    leaf = st.builds(lambda label, word: Tree(label, [word]), labels, words())
    return st.recursive(
        leaf,
        lambda inner: st.builds(Tree, labels, st.lists(inner | words(), min_size=1, max_size=4)),
        max_leaves=8,
    )


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(nodes(), max_size=3))
def test_strings_give_the_same_trees(trees: list[Tree]) -> None:
    forest = LabelledTrees.from_nltk(trees)
    assert LabelledTrees.from_strings(forest.strings()).digest == forest.digest
    assert LabelledTrees.read([*forest.strings(), ""]).digest == forest.digest if trees else True
    for direction in ("left", "right"):
        binary, places = forest.binarized_with_places(direction)  # type: ignore[arg-type]
        assert binary.sentences() == forest.sentences()
        assert set(np.bincount(binary.parent[binary.parent >= 0], minlength=binary.nodes).tolist()) <= {0, 2}
        spans, own = spans_of(forest), spans_of(binary)
        assert [own[place] for place in places.tolist()] == spans
        assert len(set(binary.label_names) | {""}) >= len(set(binary.node_labels) - {None})


def spans_of(trees: LabelledTrees) -> list[tuple[int, int, int]]:
    """Tree, first and last word of each node."""
    found = []
    for tree in range(len(trees)):
        for node in range(trees.offsets[tree], trees.offsets[tree + 1]):
            below = [leaf for leaf in range(trees.offsets[tree], node + 1) if is_below(trees, leaf, node)]
            places = [int(trees.positions[leaf]) for leaf in below if trees.positions[leaf] >= 0]
            found.append((tree, min(places), max(places)))
    return found


def is_below(trees: LabelledTrees, node: int, other: int) -> bool:
    while node >= 0:
        if node == other:
            return True
        node = int(trees.parent[node])
    return False


def plain(tree: Tree) -> Any:
    """Return a tree of NLTK as this reader has it: a bracket with one word is a leaf."""
    if len(tree) == 1 and isinstance(tree[0], str):
        return (tree.label(), tree[0])
    return (tree.label(), [("_", child) if isinstance(child, str) else plain(child) for child in tree])


@settings(max_examples=30, deadline=None)
@given(
    st.recursive(
        st.builds("({} {})".format, st.sampled_from(["0", "1", "NP"]), st.sampled_from(["a", "dog", "é", "b/c"])),
        lambda inner: st.builds(
            lambda label, parts, gap: f"({label}{gap}{gap.join(parts)})",
            st.sampled_from(["0", "NP"]),
            st.lists(inner | st.sampled_from(["x", "y"]), min_size=2, max_size=3),
            st.sampled_from([" ", "\n", " \t "]),
        ),
        max_leaves=10,
    )
)
def test_strings_are_read_as_nltk_reads_them(text: str) -> None:
    assert plain(LabelledTrees.read(io.BytesIO(text.encode())).to_nltk()[0]) == plain(Tree.fromstring(text))


@pytest.mark.slow
def test_deep_trees() -> None:
    depth = 5000
    deep = "(1 (2 a) " * depth + "(2 b)" + ")" * depth
    trees = LabelledTrees.from_strings([deep, "(1 " * depth + "a b" + ")" * depth])
    assert trees.nodes == 2 * depth + 1 + depth + 2
    assert trees.strings()[0] == deep.replace(") (", ") (")
    assert LabelledTrees.from_nltk(trees.to_nltk()).digest == trees.digest
    assert trees.binarized().sizes.tolist() == [2 * depth + 1, 3]
    chain = LabelledTrees.from_dependencies([[(place, "w", None) for place in range(depth)]])
    assert chain.parent.tolist() == [*range(1, depth), -1]
    assert chain.positions.tolist() == [*range(depth - 1, -1, -1)]


# ------------------------------------------------------------------------------------------------------------- corpora


@pytest.mark.parametrize(("name", "nodes", "words"), [("trees-en", 7298, 3829), ("trees-zh", 6154, 3257)])
def test_the_bundled_treebanks(name: str, nodes: int, words: int) -> None:
    """Sizes are those of the datasheets; no sentence occurs twice; held-out trees have no word that training lacks."""
    parts = {split: LabelledTrees.read(f"corpus:{name}/{split}") for split in ("train", "valid", "test")}
    assert {split: trees.counts for split, trees in parts.items()} == {
        split: {str(label): size // 5 for label in range(5)} for split, size in SIZES.items()
    }
    assert sum(trees.nodes for trees in parts.values()) == nodes
    assert sum(trees.corpus().tokens for trees in parts.values()) == words
    assert len({text for trees in parts.values() for text in trees.texts}) == sum(SIZES.values())
    assert set(parts["train"].word_types) >= {word for trees in parts.values() for word in trees.word_types}
    assert all((trees.label_ids >= 0).all() and trees.binarized() is trees for trees in parts.values())
    assert Corpus.read(f"corpus:{name}/test").sentences == SIZES["test"]  # as text, the words of each tree are a line


@pytest.mark.slow
@pytest.mark.parametrize(("name", "language"), [("trees-en", "English"), ("trees-zh", "Chinese")])
def test_the_script_writes_the_bundled_treebanks(name: str, language: str) -> None:
    spec = importlib.util.spec_from_file_location("treebanks", Path(__file__).parents[2] / "scripts" / "treebanks.py")
    assert spec is not None
    assert spec.loader is not None
    treebanks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(treebanks)
    written = treebanks.treebank(getattr(treebanks, language), treebanks.SEED)
    for split, trees in written.items():
        assert trees == LabelledTrees.read(f"corpus:{name}/{split}").strings()


@pytest.mark.slow
def test_the_sentiment_treebank_has_the_published_sizes(shared_data: Path) -> None:
    """Socher et al. 2013: sentences of each split, all of them binary, and distinct labels 0 to 4 on each node."""
    trees = LabelledTrees.read(shared_data / "sst" / "test.txt")
    assert (len(trees), trees.counts) == (2210, {"0": 279, "1": 633, "2": 389, "3": 510, "4": 399})
    assert trees.binarized() is trees
    assert sorted(trees.label_names) == ["0", "1", "2", "3", "4"]
    assert (trees.label_ids >= 0).all()
    raw = (shared_data / "sst" / "test.txt").read_text(encoding="utf-8").splitlines()
    assert sum(one == other for one, other in zip(raw, trees.strings(), strict=True)) > 2150  # the rest escapes slashes
    assert LabelledTrees.from_nltk(map(Tree.fromstring, raw[:200])).digest == trees.take(range(200)).digest
