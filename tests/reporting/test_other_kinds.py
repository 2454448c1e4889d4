"""Sections of classifiers, regressors, taggers, sequence-to-sequence models and representations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.sequence_to_sequence import ToyDescriber
from toys.translators import Translator
from toys.tree_counts import TreeCounts

import nlmkit
from nlmkit import HMMTagger, OneHot, TfidfLogReg, TfidfRidge, Vectors
from nlmkit.core.component import Component
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.reporting.blocks import Block, Fold, Grid, Note, Panels, Section, ShadedText, Table, Value
from nlmkit.reporting.classifiers.calibration import bins, error
from nlmkit.reporting.classifiers.comparison import brier
from nlmkit.reporting.classifiers.mistakes import influence, shaded
from nlmkit.reporting.common.figures import between, figure, p_value
from nlmkit.reporting.sheets import sheet_of
from nlmkit.reporting.study import Files, Options, Study, Subject
from nlmkit.text.columns import TextColumn
from nlmkit.text.trees import LabelledTrees

from .conftest import Page

HOSTILE = "<script>alert('x')</script>\"&amp;"
TEXTS = ["good film", "a fine good film", "bad film", "a bad dull film", "good bad", "dull"] * 3
LABELS = ["pos", "pos", "neg", "neg", "pos", "pos"] * 3


def study_of(models: dict[str, Component], text: Any = None, **options: Any) -> Any:
    subjects = tuple(Subject(name=name, model=model, color=place) for place, (name, model) in enumerate(models.items()))
    sheet = sheet_of(subjects[0].model.kind)
    assert sheet is not None
    return sheet.study_class().of(subjects, text, Options(**{"samples": 50, **options}), None)


def sections(study: Study) -> dict[str, Section]:
    sheet = sheet_of(study.subjects[0].model.kind)
    assert sheet is not None
    found = {entry.name: entry.section(study) for entry in sheet.entries}
    return {name: section for name, section in found.items() if section is not None}


def blocks(section: Section | Any) -> Iterator[Block]:
    """All blocks of a section, those inside others too."""
    for block in section.blocks:
        yield block
        if isinstance(block, (Fold, Grid)):
            yield from blocks(block)
        elif isinstance(block, Panels):
            for panel in block.panels:
                yield from blocks(panel)


def table(section: Section, part: str) -> dict[str, list[str]]:
    """The first table whose caption has a part: texts of each column."""
    found = next(block for block in blocks(section) if isinstance(block, Table) and part in block.caption)
    cells = [[cell.text if isinstance(cell, Value) else cell for cell in row] for row in found.rows]
    return {column.title: [row[place] for row in cells] for place, column in enumerate(found.columns)}


def check_differences(study: Any, title: str, form: str, by: str | None = None) -> None:
    """The page has the ranking, intervals, differences and p-values of ``nlmkit compare``."""
    models = {subject.name: subject.model for subject in study.subjects}
    wanted = nlmkit.compare_predictions(models, study.data, by=by, samples=50)
    section = sections(study)["comparison"]
    ranking = table(section, "Ranking")
    assert ranking["Model"] == [row.model for row in wanted.ranked]
    (column,) = (name for name in ranking if name.startswith("95%"))
    assert ranking[column] == [between(row.interval, form.removeprefix("+")).text for row in wanted.ranked]
    found = table(section, "Each model against the next one: paired bootstrap and randomization of 50 samples")
    won = f"{wanted.item.capitalize()} won : lost : tied"
    assert found == {
        "Better": [pair.better for pair in wanted.differences],
        "Worse": [pair.worse for pair in wanted.differences],
        f"{title} difference": [f"{pair.difference:{form}}" for pair in wanted.differences],
        "95% interval": [between(pair.interval, form.removeprefix("+")).text for pair in wanted.differences],
        "p": [p_value(pair.p_value).text for pair in wanted.differences],
        won: [f"{pair.wins} : {pair.losses} : {pair.ties}" for pair in wanted.differences],
    }
    assert len(wanted.differences) == len(models) - 1


def page_of(models: dict[str, Component], text: Any = None) -> Page:
    html = nlmkit.report(models, text, samples=20, progress=None).html
    assert "<script>alert" not in html
    return Page(html)


# ------------------------------------------------------------------------------------------------------- classifiers


class Occluded(TfidfLogReg):
    """A classifier that does not explain itself."""

    @property
    def highlights(self) -> Any:
        raise AttributeError


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Component]:
    return {
        "logreg": TfidfLogReg().fit(TEXTS, LABELS),
        "short": Occluded(order=1).fit(TEXTS[:4], LABELS[:4]),
    }


def test_classifiers_are_ranked_with_their_paired_significance(classifiers: dict[str, Any]) -> None:
    study = study_of(classifiers, (TEXTS, LABELS))
    found = sections(study)
    assert list(found) == ["models", "comparison", "confusion", "calibration", "mistakes", "options"]
    ranking = table(found["comparison"], "Ranking on 18 texts")
    scores = {name: model.score(TEXTS, LABELS) for name, model in classifiers.items()}
    best, worse = sorted(scores, key=lambda name: -scores[name])
    assert ranking["Model"] == [best, worse]
    assert ranking["Accuracy"] == [f"{scores[name]:.4f}" for name in (best, worse)]
    probabilities = classifiers[best].predict_proba(TEXTS)
    own = probabilities[np.arange(18), [["neg", "pos"].index(label) for label in LABELS]]
    assert ranking["Log loss"][0] == f"{-np.log(own).mean():.4f}"
    assert ranking["Brier score"][0] == f"{2 * ((1 - own) ** 2).mean():.4f}"
    check_differences(study, "Accuracy", "+.4f")
    study.comparison = dataclasses.replace(study.comparison, notes=("These differ in their seed.",))
    assert Note("These differ in their seed.") in sections(study)["comparison"].blocks
    assert study.facts == ["Text: given in memory (18 texts)"]


def test_cells() -> None:
    assert (figure(None).text, figure(float("nan")).text, figure(0.5).text) == ("–", "–", "0.5000")
    assert (p_value(0.0001).text, p_value(0.25).text, p_value(None).text) == ("< 0.001", "0.250", "–")


def test_confusions_and_mistakes_are_those_of_the_predictions(classifiers: dict[str, Any]) -> None:
    found = sections(study_of({"short": classifiers["short"]}, (TEXTS, LABELS)))
    predicted = classifiers["short"].predict(TEXTS)
    wrong = [place for place in range(18) if predicted[place] != LABELS[place]]
    assert wrong
    counts = table(found["confusion"], "Largest confusions")
    assert sum(map(int, counts["Texts"])) == len(wrong)
    shown = [block for block in blocks(found["mistakes"]) if isinstance(block, ShadedText)]
    assert {int(block.about.removeprefix("text ")) - 1 for block in shown} <= set(wrong)
    assert all("but labelled" in block.title for block in shown)
    perfect = sections(study_of({"logreg": classifiers["logreg"]}, (["good film", "bad film"], ["pos", "neg"])))
    assert table(perfect["confusion"], "No text was misclassified")["Texts"] == []
    assert not any(isinstance(block, ShadedText) for block in blocks(perfect["mistakes"]))


def test_influence_is_the_fall_of_the_probability(classifiers: dict[str, Any]) -> None:
    model = classifiers["short"]
    (first, weight), (second, _) = influence(model, "good film")
    assert (first, second) == ("good", "film")
    shares = model.predict_proba(["good film", "film"])
    best = shares[0].argmax()
    assert weight == pytest.approx(shares[0][best] - shares[1][best])
    assert influence(model, "") == []
    assert influence(model, "word " * 100) == [("word", 0.0)] * 100
    assert influence(classifiers["logreg"], "good film") == classifiers["logreg"].highlights("good film")


def test_words_are_shaded_by_their_weights() -> None:
    words = shaded([("a", -2.0), ("b", 0.0), ("c", 1.0), *[("d", 2.0)] * 200])
    assert [word.shade.level for word in words[:4] if word.shade] == [0, None, 6, 8]
    assert words[-1].text == "… 83 more"
    assert shaded([]) == ()


def test_calibration_is_counted_over_bins(classifiers: dict[str, Any]) -> None:
    (reading,) = study_of({"logreg": classifiers["logreg"]}, (TEXTS, LABELS)).readings
    found = bins(reading)
    assert sum(count for _, _, count in found) == 18
    assert sum(share * count for _, share, count in found) == pytest.approx(18 * reading.report.accuracy)
    assert error(reading) == pytest.approx(sum(abs(mean - share) * count for mean, share, count in found) / 18)


def test_labels_that_training_lacked_are_errors(classifiers: dict[str, Any]) -> None:
    (reading,) = study_of({"logreg": classifiers["logreg"]}, (["good film", "dull"], ["pos", "other"])).readings
    assert reading.hits.tolist()[1] is False
    assert reading.log_losses.tolist()[1] == math.inf
    assert brier(reading) > 0.5
    sorts = page_of({"logreg": classifiers["logreg"]}, (["good film", "dull"], ["pos", "other"])).values("data-sort")
    assert ("Infinity" in sorts, "inf" in sorts) == (True, False)  # as JavaScript spells it


def test_many_classes_are_listed() -> None:
    labels = [f"class {number}" for number in range(70)]
    texts = [f"word{number} common" for number in range(70)]
    model = TfidfLogReg().fit(texts * 3, labels * 3)
    found = sections(study_of({"many": model}, (texts, labels[1:] + labels[:1])))
    assert len(table(found["comparison"], "60 classes with most texts, of 70")["Class"]) == 60
    assert len(table(found["confusion"], "Largest confusions")["Texts"]) == 20


def test_labelled_files_are_read(tmp_path: Path) -> None:
    model = TfidfLogReg().fit(TEXTS, [label == "pos" for label in LABELS])
    (tmp_path / "t.tsv").write_text("True\tgood film\nFalse\tbad film\n", encoding="utf-8")
    (tmp_path / "t.csv").write_text('label,review\nTrue,"good, film"\n', encoding="utf-8")
    study = study_of({"m": model}, Files(names=(str(tmp_path / "t.tsv"),)))
    assert study.readings[0].labels == [True, False]
    assert study.facts == [f"Text: {tmp_path / 't.tsv'} (2 texts)"]
    csv = Files(names=(str(tmp_path / "t.csv"),), column=TextColumn("review"))
    assert study_of({"m": model}, csv).texts == ("good, film",)
    (tmp_path / "t.tsv").write_text("yes\tgood film\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1: the label 'yes': the labels of the classifier are True and False"):
        study_of({"m": model}, Files(names=(str(tmp_path / "t.tsv"),)))
    numbers = TfidfLogReg().fit(TEXTS, [int(label == "pos") for label in LABELS])
    (tmp_path / "t.tsv").write_text("1\tgood film\n7\tbad film\n", encoding="utf-8")
    (reading,) = study_of({"m": numbers}, Files(names=(str(tmp_path / "t.tsv"),))).readings
    assert (reading.labels, reading.report.unseen, reading.report.accuracy) == ([1, 7], (7,), 0.5)
    (tmp_path / "t.tsv").write_text("\n", encoding="utf-8")
    with pytest.raises(DataError, match="no texts"):
        study_of({"m": model}, Files(names=(str(tmp_path / "t.tsv"),)))


# ------------------------------------------------------------------------------------------------------------- trees

TREES = ["(pos (pos good) (neu film))", "(neg (neg bad) (neu film))", "(pos (neg bad) (pos good))"]


def test_trees_are_drawn_with_the_labels_of_their_nodes(tmp_path: Path) -> None:
    model = TreeCounts().fit(TREES)
    (tmp_path / "trees.txt").write_text("".join(f"{tree}\n" for tree in TREES), encoding="utf-8")
    study = study_of({"trees": model}, Files(names=(str(tmp_path / "trees.txt"),)))
    found = sections(study)
    assert "mistakes" not in found
    accuracy = table(found["trees"], "All nodes")["Accuracy at labelled nodes"]
    assert accuracy == [f"{model.node_accuracy(LabelledTrees.of(TREES)):.4f}"]
    with pytest.raises(HyperParameterError, match="trees have no columns"):
        study_of({"trees": model}, Files(names=("trees.txt",), column=TextColumn("text")))
    page = page_of({"trees": model}, TREES)
    assert len([tip for tip in page.values("data-tip") if tip.startswith("phrase: ")]) == 3
    assert study.facts[0].endswith("(3 trees)")


def test_trees_with_labels_without_order_have_colors() -> None:
    model = TreeCounts().fit(["(x (y one) (x two))", "(y (y one) (x three))"])
    page = page_of({HOSTILE: model}, ["(x (y <b>) (x two))"])
    assert any("<b>: " in tip for tip in page.values("data-tip"))
    long = "(x " + "(y word) " * 30 + ")"
    assert "No tree has at most 25 words." in page_of({"trees": model}, [long]).text


def test_texts_and_trees_are_not_mixed(classifiers: dict[str, Any]) -> None:
    models = {"logreg": classifiers["logreg"], "trees": TreeCounts().fit(TREES)}
    with pytest.raises(HyperParameterError, match="some of these classifiers take texts and others trees"):
        study_of(models, (TEXTS, LABELS))


# -------------------------------------------------------------------------------------------------------- regressors


def test_regressors_are_ranked_and_their_residuals_drawn(tmp_path: Path) -> None:
    numbers = [4.0, 5.0, 1.0, 0.5, 2.5, 2.0] * 3
    models = {
        "one": TfidfRidge().fit(TEXTS, numbers),
        "other": TfidfRidge(alpha=100.0).fit(TEXTS[:4], numbers[:4]),
    }
    study = study_of(models, (TEXTS, numbers))
    found = sections(study)
    assert list(found) == ["models", "comparison", "residuals", "options"]
    reports = {name: model.report(TEXTS, numbers) for name, model in models.items()}
    ranking = table(found["comparison"], "Ranking on 18 texts")
    assert ranking["Model"] == sorted(reports, key=lambda name: reports[name].rmse)
    errors = table(found["residuals"], "Largest errors")
    assert list(errors) == ["Number", "Predicted", "Text"]  # the row's header, the first cell, is narrow
    assert errors["Text"][0] == TEXTS[int(np.abs(reports["one"].residuals).argmax())]
    check_differences(study, "RMSE", "+.4g", by="rmse")
    page = page_of(models, (TEXTS, numbers))
    assert len([tip for tip in page.values("data-tip") if tip.startswith("text ")]) == 2 * 2 * 18
    (tmp_path / "t.tsv").write_text("4\tgood film\n1\tbad film\n", encoding="utf-8")
    assert study_of(models, Files(names=(str(tmp_path / "t.tsv"),))).facts[0].endswith("(2 texts)")
    (tmp_path / "t.tsv").write_text("\n", encoding="utf-8")
    with pytest.raises(DataError, match="no texts"):
        study_of(models, Files(names=(str(tmp_path / "t.tsv"),)))


def test_of_many_texts_some_are_drawn() -> None:
    texts = [f"word{number % 7} and word{number % 5}" for number in range(600)]
    numbers = [float(number % 7) for number in range(600)]
    page = page_of({"ridge": TfidfRidge().fit(texts, numbers)}, (texts, numbers))
    assert "500 texts drawn with the seed 0" in page.text
    assert len([tip for tip in page.values("data-tip") if tip.startswith("text ")]) == 1000


# ----------------------------------------------------------------------------------------------------------- taggers

WORDS = [["He", "saw", "Ann", "Lee"], ["Bo", "ran"], ["Ann", "sat"], ["Bo", "saw", "Bo"]]
TAGS = [["O", "O", "B-P", "I-P"], ["B-P", "O"], ["B-P", "O"], ["B-P", "O", "B-Q"]]


def test_taggers_are_ranked_with_figures_by_type(tmp_path: Path) -> None:
    models = {
        "one": HMMTagger().fit(WORDS, TAGS),
        "other": HMMTagger(order=1, smoothing="add-k").fit(WORDS[:3], TAGS[:3]),
    }
    study = study_of(models, (WORDS, TAGS))
    found = sections(study)
    assert list(found) == ["models", "comparison", "errors", "transitions", "options"]
    reports = {name: model.report(WORDS, TAGS) for name, model in models.items()}
    ranking = table(found["comparison"], "Ranking by F1")
    assert ranking["Model"] == sorted(reports, key=lambda name: -(reports[name].f1 or 0))
    assert sorted(ranking["F1"]) == sorted(f"{report.f1:.4f}" for report in reports.values())
    types = table(found["comparison"], "Figures by type")
    assert set(types["Type"]) == {"P", "Q"}
    assert types["In the text"][0] == "4"
    check_differences(study, "F1", "+.4f")
    errors = [block for block in blocks(found["errors"]) if isinstance(block, Table)]
    assert sum(len(block.rows) for block in errors) == sum(len(report.errors) for report in reports.values())
    file = tmp_path / "t.txt"
    lines = ("".join(f"{w} {t}\n" for w, t in zip(*pair, strict=True)) for pair in zip(WORDS, TAGS, strict=True))
    file.write_text("\n".join(lines), encoding="utf-8")
    again = study_of(models, Files(names=(str(file),)))
    assert [each.report.f1 for each in again.readings] == [each.report.f1 for each in study.readings]
    assert again.facts == [f"Text: {file} (4 sentences, 11 tokens)"]


def test_plain_tags_and_taggers_without_transitions() -> None:
    plain = HMMTagger(word_order=1, smoothing="add-k").fit([["a", "b"], ["b", "a"]], [["N", "V"], ["V", "N"]])
    found = sections(study_of({"plain": plain}, ([["a", "b"]], [["N", "V"]])))
    assert table(found["comparison"], "Ranking by accuracy")["Accuracy"] == ["1.0000"]
    assert "No error" in [block.caption for block in blocks(found["errors"]) if isinstance(block, Table)]
    with pytest.raises(DataError):
        study_of({"plain": plain}, ([], []))


def test_many_tags_are_cut() -> None:
    words = [[f"w{number}" for number in range(50)]] * 3
    tags = [[f"T{number:02}" for number in range(50)]] * 3
    page = page_of({"many": HMMTagger(order=1, smoothing="add-k").fit(words, tags)}, (words, tags))
    assert "The 40 most frequent of 50 tags are drawn." in page.text
    assert "The first 40 of 50 tags are drawn." in page.text


# ------------------------------------------------------------------------------------------- sequence to sequence

SOURCES, TARGETS = ["a b", "b c", "c", "a b"], ["x y", "y z", "z", "x x"]


def test_translations_are_scored_and_their_attention_drawn(tmp_path: Path) -> None:
    pytest.importorskip("sacrebleu")
    model = Translator().fit(SOURCES, TARGETS)
    study = study_of({"toy": model}, (SOURCES, TARGETS))
    found = sections(study)
    assert list(found) == ["models", "comparison", "attention", "examples", "options"]
    report = model.report(SOURCES, TARGETS)
    ranking = table(found["comparison"], "Ranking on 3 sources")
    assert (ranking["BLEU"], ranking["chrF"]) == ([f"{report.bleu:.2f}"], [f"{report.chrf:.2f}"])
    examples = table(found["examples"], "Predictions")
    assert examples["Source"] == ["a b", "b c", "c"]
    assert examples["toy"] == list(report.predictions)
    tips = page_of({"toy": model}, (SOURCES, TARGETS)).values("data-tip")
    assert any(" on a: 100.0%" in tip for tip in tips)
    (tmp_path / "t.tsv").write_text("a b\tx y\n", encoding="utf-8")
    assert study_of({"toy": model}, Files(names=(str(tmp_path / "t.tsv"),))).facts[0].endswith("(1 pairs)")
    (tmp_path / "t.tsv").write_text("source\ttarget\n", encoding="utf-8")
    with pytest.raises(DataError):
        study_of({"toy": model}, Files(names=(str(tmp_path / "t.tsv"),)))


def test_translations_are_ranked_by_bleu() -> None:
    pytest.importorskip("sacrebleu")
    models = {"worse": Translator().fit(SOURCES[2:], TARGETS[2:]), "better": Translator().fit(SOURCES, TARGETS)}
    check_differences(study_of(models, (SOURCES, TARGETS)), "BLEU", "+.2f")


def test_long_predictions_have_no_picture() -> None:
    pytest.importorskip("sacrebleu")
    long = " ".join("abcdefghij" * 5)
    found = sections(study_of({"toy": Translator().fit([long], ["x"])}, ([long], ["x"])))
    assert not any(block.form == "picture" for block in blocks(found["attention"]))


def test_descriptions_of_vectors_have_no_attention() -> None:
    pytest.importorskip("sacrebleu")
    vectors = np.eye(2, dtype=np.float32)
    model = ToyDescriber().fit(vectors, ["x y", "y"])
    found = sections(study_of({"toy": model}, (vectors, ["x y", "y"])))
    assert "attention" not in found
    assert table(found["examples"], "Predictions")["Source"] == ["vector 1", "vector 2"]


# --------------------------------------------------------------------------------------------------- representations


def vectors(seed: int, count: int = 90) -> Vectors:
    generator = np.random.default_rng(seed)
    words = [f"word{number:02}" for number in range(count - 1)] + [HOSTILE]
    return Vectors.from_arrays(words, generator.normal(size=(count, 8)))


def test_neighbours_and_projections_of_representations() -> None:
    pytest.importorskip("sklearn")
    models: dict[str, Component] = {"one": vectors(0), "two": vectors(1)}
    found = sections(study_of(models))
    assert list(found) == ["models", "neighbours", "projection", "options"]
    shown = table(found["neighbours"], "nearest neighbours by cosine")
    first = shown["Word"][0]
    wanted = vectors(0).most_similar(first, 6)
    assert shown["one"][0] == ", ".join(f"{word} {value:.2f}" for word, value in wanted)
    assert table(found["neighbours"], "in common, over 90 words")["Another"] == ["two"]
    pictures = [block.caption for block in blocks(found["projection"]) if block.form == "picture"]
    assert [caption.partition(",")[0] for caption in pictures[1::2]] == [
        f"{name}: t-SNE (van der Maaten & Hinton 2008)" for name in ("one", "two")
    ]
    page = page_of(models)
    assert any(tip.startswith(f"{HOSTILE}: near ") for tip in page.values("data-tip"))


def test_without_scikit_learn_there_is_no_t_sne(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = sections(study_of({"one": vectors(0)}))
    assert "t-SNE is left out: pip install 'nlmkit[classifiers]' has scikit-learn." in [
        getattr(block, "text", "") for block in blocks(found["projection"])
    ]


def test_few_or_equal_vectors_are_not_projected() -> None:
    few = sections(study_of({"few": OneHot().fit(["some few words"])}))
    assert "projection" not in few
    assert "neighbours" in few
    equal = Vectors.from_arrays([f"word{number}" for number in range(9)], np.ones((9, 3)))
    assert "All vectors are equal." in page_of({"equal": equal}).text
    apart = study_of({"one": Vectors.from_arrays(["aaa"], [[1.0]]), "two": Vectors.from_arrays(["bbb"], [[1.0]])})
    assert list(sections(apart)) == ["models", "options"]


def test_pairs_and_analogies_are_answered(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    model = vectors(0)
    pairs = tmp_path / "pairs.tsv"
    rows = [f"word{number:02}\tword{number + 1:02}\t{number % 9}.5\n" for number in range(60)]
    pairs.write_text("".join(rows), encoding="utf-8")
    questions = tmp_path / "questions.txt"
    questions.write_text(": numbers\nword00 word01 word02 word03\n", encoding="utf-8")
    study = study_of({"one": model}, Files(names=(str(pairs), str(questions))))
    found = sections(study)["similarity"]
    assert table(found, "Word similarity")["Correlation"] == [f"{model.score(str(pairs)):.3f}"]
    assert table(found, "Analogies")["Section"] == ["numbers", "total"]
    assert [fact.partition(":")[0] for fact in study.facts] == ["Word pairs", "Analogies"]
    triples = [(f"word{number:02}", f"word{number + 1:02}", float(number % 9)) for number in range(60)]
    assert len(study_of({"one": model}, triples).pairs) == 1
    assert len(study_of({"one": model}, study.analogies[0]).analogies) == 1
    questions.write_text("neither this nor that at all\n", encoding="utf-8")
    with pytest.raises(DataError, match="questions"):
        study_of({"one": model}, Files(names=(str(questions),)))


# ---------------------------------------------------------------------------------------------------------- all kinds


def test_hostile_labels_words_and_names_are_shown_and_not_run() -> None:
    texts, labels = [f"good {HOSTILE}", "bad film"] * 4, [HOSTILE, "neg"] * 4
    pages = [
        page_of({HOSTILE: TfidfLogReg().fit(texts, labels)}, (texts, labels[::-1])),
        page_of({HOSTILE: TfidfRidge().fit(texts, [1.0, 2.0] * 4)}, (texts, [2.0, 1.0] * 4)),
        page_of({HOSTILE: HMMTagger(order=1, smoothing="add-k").fit([[HOSTILE, "b"]] * 3, [[HOSTILE, "V"]] * 3)},
                ([["b", HOSTILE]], [[HOSTILE, "V"]])),
    ]  # fmt: skip
    for page in pages:
        assert HOSTILE in page.text
        assert len(page.scripts) == 1
        assert not any(name.startswith("on") for _, name, _ in page.attributes)
        assert not page.values("style")


@pytest.mark.parametrize("kind", ["classifier", "regressor", "tagger", "representation", "sequence-to-sequence"])
def test_a_report_needs_no_text(kind: str, classifiers: dict[str, Any]) -> None:
    made = {
        "classifier": classifiers["logreg"],
        "regressor": TfidfRidge().fit(TEXTS[:4], [1.0, 2.0, 3.0, 4.0]),
        "tagger": HMMTagger().fit(WORDS, TAGS),
        "representation": vectors(0),
        "sequence-to-sequence": Translator().fit(SOURCES, TARGETS),
    }[kind]
    page = page_of({"model": made})
    assert "No text was given: sections that need" in page.text
    assert study_of({"model": made}).facts == []
    assert not {"comparison", "confusion", "mistakes", "residuals", "errors"} & set(sections(study_of({"model": made})))
