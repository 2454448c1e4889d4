"""The classifier ``tree-lstm``: forms, labels of nodes and of roots, binarization, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlmkit import DataError, HyperParameterError, SavedModelError, TreeLSTM, load
from nlmkit.text.trees import LabelledTrees

pytestmark = pytest.mark.slow

SMALL = {"embedding": 6, "hidden": 6, "epochs": 10, "batch": 4, "lr": 0.05, "dropout": 0.0, "dropout_input": 0.0}
SMALL |= {"dropout_word": 0.0, "dropout_hidden": 0.0}
PHRASES = (("+", "fine"), ("-", "dull"))


def trees(form="(ROOT (. a) (LABEL (LABEL WORD) (. film)))"):
    return [form.replace("ROOT", label).replace("LABEL", label).replace("WORD", word) for label, word in PHRASES] * 6


def dependencies():
    rows = [[(2, "a", None), (3, word, label), (0, "film", label)] for label, word in PHRASES]
    return LabelledTrees.from_dependencies(rows * 6)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def fitted():
    return TreeLSTM(**SMALL).fit(trees(), valid=trees())


def test_labels_of_nodes_are_learned(fitted):
    assert fitted.classes_.tolist() == ["+", "-", "."]
    assert fitted.at_roots_.tolist() == [True, True, False]
    assert fitted.score(trees()) == fitted.node_accuracy(trees()) == 1
    assert fitted.predict_nodes(trees()[:1]).tolist() == [".", "+", ".", "+", "+"]
    report = fitted.fit_report_
    assert report["classes"] == {"+": 6, "-": 6}
    assert (report["nodes"], report["labelled_nodes"], report["depth"]) == (60, 60, 2)
    assert report["validation_node_accuracy"] == report["validation_accuracy"] == 1


def test_roots_have_labels_that_roots_had(fitted):
    probabilities = fitted.predict_proba(["(_ film)"])
    assert probabilities[0, 2] == 0
    assert probabilities.sum() == pytest.approx(1)
    assert fitted.predict_proba_nodes(["(_ film)"])[0, 2] > 0.5
    assert fitted.predict_nodes(["(_ film)"]) == fitted.predict(["(_ film)"])


def test_a_root_whose_classes_underflow_has_each_alike(fitted):
    found = fitted.of_roots(np.array([[0.0, 0.0, 1.0], [0.2, 0.2, 0.6]]))
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0.5, 0.5, 0]])


def test_labels_of_roots_alone_are_learned():
    model = TreeLSTM(**SMALL, train_on="root").fit(trees(), valid=trees())
    assert model.classes_.tolist() == ["+", "-"]
    assert model.score(trees()) == 1


def test_dependencies_are_learned():
    model = TreeLSTM(**SMALL, form="child-sum").fit(dependencies(), valid=dependencies())
    assert model.score(dependencies()) == 1
    assert model.predict_nodes(dependencies()).tolist()[:3] == model.predict_nodes(dependencies().take([0])).tolist()


def test_nodes_with_many_children_are_binarized():
    flat = trees("(ROOT (. a) (LABEL WORD) (. film))")
    model = TreeLSTM(**SMALL).fit(flat, valid=flat)
    assert model.score(flat) == 1
    assert model.predict_nodes(flat[:1]).tolist() == [".", "+", ".", "+"]
    right = TreeLSTM(**SMALL, binarize="right").fit(flat, valid=flat)
    assert right.predict_proba(flat).tolist() != model.predict_proba(flat).tolist()
    wide = TreeLSTM(**SMALL, branching=3).fit(flat, valid=flat)
    assert wide.score(flat) == 1


def test_nodes_of_one_child_have_the_answer_of_their_child(fitted):
    found = fitted.predict_proba_nodes(["(_ (_ (_ fine)))"])
    np.testing.assert_array_equal(found, fitted.predict_proba_nodes(["(_ fine)"])[[0, 0, 0]])


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        ({"binarize": "none"}, trees("(ROOT (. a) (. b) (. c))"), "tree 1: a node has 3 children, .*branching=2: use"),
        ({"branching": 2}, dependencies().take([0, 1]), None),
        ({"branching": 1}, LabelledTrees.from_dependencies([[(2, "a", "+"), (0, "b", "-"), (2, "c", None)]] * 2), "ch"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(options, given, message):
    model = TreeLSTM(**{**SMALL, "epochs": 1}, **options)
    if message is None:
        assert model.fit(given).is_fitted
        return
    with pytest.raises(DataError, match=message):
        model.fit(given)


def test_options_without_effect_are_refused():
    with pytest.raises(HyperParameterError, match="form=n-ary"):
        TreeLSTM(**SMALL, form="child-sum", branching=3).fit(trees())
    with pytest.raises(HyperParameterError, match="branching=2"):
        TreeLSTM(**SMALL, branching=3, binarize="right").fit(trees())


def test_trees_without_labels_are_left_out_with_a_note():
    model = TreeLSTM(**{**SMALL, "epochs": 1}, valid_share=0).fit([*trees(), "(_ (_ no) (_ label))"])
    assert any("1 training trees are ignored" in note for note in model.fit_report_["notes"])
    assert "no held-out trees" in " ".join(model.fit_report_["notes"])


def test_held_out_trees_are_chosen_class_by_class():
    model = TreeLSTM(**{**SMALL, "epochs": 1}, valid_share=0.25).fit([*trees(), "(_ (+ fine) (_ song))"])
    assert model.fit_report_["held_out"] == {
        "trees": 3,
        "chosen": "0.25 of the training trees, class by class, seed 1",
    }


def test_held_out_trees_without_a_known_label_are_dropped():
    model = TreeLSTM(**{**SMALL, "epochs": 1})
    model.fit(trees(), valid=[*trees(), "(other (. a) (. film))", "(. film)", "(_ fine)"])
    assert "3 validation trees are ignored" in " ".join(model.fit_report_["notes"])
    with pytest.raises(DataError, match="no root of a validation tree"):
        model.fit(trees(), valid=["(. film)"])


def test_roots_without_labels_are_refused():
    with pytest.raises(DataError, match="no root of a training tree"):
        TreeLSTM(**SMALL).fit(["(_ (+ a) (- b))"] * 4)


def test_labels_have_the_type_of_those_given(fitted):
    numbered = ["(1 (0 a) (1 (1 fine) (0 film)))", "(-1 (0 a) (-1 (-1 dull) (0 film)))"] * 6
    model = TreeLSTM(**SMALL).fit(numbered, [1, -1] * 6, valid=(numbered, [1, -1] * 6))
    assert model.classes_.tolist() == [-1, 0, 1]
    assert model.score(numbered) == model.score(numbered, [1, -1] * 6) == model.node_accuracy(numbered) == 1
    assert model.predict_nodes(numbered[:1]).tolist() == [0, 1, 0, 1, 1]
    with pytest.raises(DataError, match="is not an integer"):
        model.fit(trees(), [1, 2] * 6)
    with pytest.raises(DataError, match="is not an integer"):
        model.score(trees())
    with pytest.raises(DataError, match="is not True or False"):
        model.fit(trees(), [True, False] * 6)
    with pytest.raises(DataError, match="are integers, but training used strings"):
        fitted.score(trees(), [1, 2] * 6)
    assert np.isnan(fitted.node_accuracy(["(_ a)"]))


def test_a_corpus_of_texts_is_refused(fitted):
    from nlmkit import Corpus, TextPipeline

    with pytest.raises(DataError, match="expected trees"):
        fitted.predict(Corpus.read(iter(["a film"])))
    lower = TextPipeline(lowercase=False)
    with pytest.raises(DataError, match="Unicode form or case"):
        fitted.predict(fitted.gather(trees()).encode(lower))


def test_it_is_saved_with_its_representation(tmp_path):
    from nlmkit import LSA

    vectors = LSA(dimension=3, min_count=1).fit(["a fine film", "a dull film", "a warm song"])
    model = TreeLSTM(**{**SMALL, "epochs": 2}, representation=vectors, tune="multichannel").fit(trees())
    model.save(tmp_path / "m")
    other = load(tmp_path / "m")
    given = ["(_ (_ warm) (_ film))", *trees()]
    np.testing.assert_array_equal(other.predict_proba_nodes(given), model.predict_proba_nodes(given))
    unknown = model.predict_proba(["(_ (_ zyzzyva) (_ film))"])
    assert unknown.tolist() != model.predict_proba(given[:1]).tolist()  # only the representation knows the word


def test_saved_classes_of_roots_are_checked(fitted):
    import dataclasses

    state = fitted.fitted_state()
    for wrong in (None, [True], [False, False, False], [1, 0, 1]):
        copy = TreeLSTM(**SMALL)
        copy.vocabulary_, copy.pipeline_ = fitted.vocabulary_, fitted.pipeline_
        with pytest.raises(SavedModelError, match="at_roots"):
            copy.restore(dataclasses.replace(state, metadata={**state.metadata, "at_roots": wrong}))


def test_poor_coverage_is_noted():
    from nlmkit import LSA

    vectors = LSA(dimension=2, min_count=1).fit(["fine words here", "fine other words"])
    model = TreeLSTM(**{**SMALL, "epochs": 1}, representation=vectors).fit(trees())
    assert "covers only" in " ".join(model.fit_report_["notes"])


def test_large_batches_are_read_in_parts(monkeypatch):
    wanted = TreeLSTM(**{**SMALL, "epochs": 1}, label_smoothing=0.1).fit(trees(), valid=trees())
    monkeypatch.setattr("nlmkit.documents.neural.batching.WHOLE_WORDS", 1)
    import nlmkit.classifiers.trees.task as task

    whole = task.parts_of_batch
    monkeypatch.setattr(task, "parts_of_batch", lambda *given, floats: whole(*given, whole=8, part=8))
    found = TreeLSTM(**{**SMALL, "epochs": 1}, label_smoothing=0.1).fit(trees(), valid=trees())
    np.testing.assert_allclose(found.predict_proba(trees()), wanted.predict_proba(trees()), atol=1e-5)
