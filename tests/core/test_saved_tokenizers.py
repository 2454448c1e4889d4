"""Models that read text by a fitted segmenter: it is saved inside them, wherever it came from, and applied again."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.language_models import Bigram
from toys.plugin_packages import write_package
from toys.segmenters import GROUPS, SEGMENTED, TEXT, segmenter

from nlmkit import LSA, NBSVM, Cache, Mixture, NGram, OneHot, TfidfRidge, compare
from nlmkit.core.component import Component
from nlmkit.core.storage import describe, load
from nlmkit.errors import (
    DataError,
    HyperParameterError,
    MissingModelError,
    NlmkitError,
    SavedModelError,
    UnknownComponentError,
)
from nlmkit.saving import load_folder, save_folder
from nlmkit.text import Corpus, TextPipeline, Tokenization

pytestmark = pytest.mark.slow

WORDS = [line.split() for line in SEGMENTED]
TEST = ["老船长很蓝", "", "他在大海 上"]
LABELS = ["sea" if "海" in line else "land" for line in TEXT]


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("toys")
    models = {"nlmkit.language_models": {"toy-bigram": "toys.language_models:Bigram"}}
    write_package(folder, "toy-segmenters", groups={**GROUPS, **models})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    segmenter().save(tmp_path / "segmenter")
    return tmp_path / "segmenter"


def pipeline_of(folder: Path, **more: Any) -> TextPipeline:
    return TextPipeline(tokenizer=f"model:{folder}", **more)


def resave(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest, and save it with hashes that are right."""
    found = load_folder(folder)
    arrays = {name: np.array(array) for name, array in found.arrays.items()}
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    change(manifest)
    save_folder(folder, manifest, arrays=arrays, vocabulary=found.vocabulary)


# ------------------------------------------------------------------------------------------------ from a folder


def test_a_folder_is_loaded_at_once(saved: Path) -> None:
    tokenization = Tokenization(f"model:{saved}")
    shutil.rmtree(saved)
    assert tokenization == Tokenization(segmenter())
    assert [tokenization.tokenize(line) for line in TEXT] == WORDS


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("model:", HyperParameterError, "the tokenizer model: lacks the folder of a model: model:FOLDER"),
        ("model:{}/none", MissingModelError, "tokenizer model:.*/none: .*/none: no such folder"),
        ("model:{}", MissingModelError, "no manifest.json"),
        ("model:{}/file", SavedModelError, "is a file"),
        ("model:{}/nul\0", SavedModelError, "cannot be read"),
        ("model:{}/bigram", HyperParameterError, "tokenizer model:.*/bigram: toy-bigram is a language model; expected"),
    ],
)
def test_folders_without_a_segmenter_are_refused(
    name: str, error: type[NlmkitError], message: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    Bigram().fit(["a b"]).save(tmp_path / "bigram")
    for make in (Tokenization, lambda tokenizer: NBSVM(tokenizer=tokenizer)):
        with pytest.raises(error, match=message) as caught:
            make(name.format(tmp_path))
        assert "\n" not in str(caught.value)


def test_a_segmenter_of_a_package_that_is_gone_is_named(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLMKIT_PLUGINS", "")
    with pytest.raises(
        UnknownComponentError, match=r"tokenizer model:.*kit-correct-tagger.* is in the package toy-seg"
    ):
        Tokenization(f"model:{saved}")


# ------------------------------------------------------------------------------------- language models and vectors


@pytest.mark.parametrize("make", [lambda: NGram(order=2), lambda: OneHot(), lambda: LSA(dimension=2, min_count=1)])
def test_it_is_saved_inside_the_model(make: Callable[[], Component], saved: Path, tmp_path: Path) -> None:
    model = make().fit(Corpus.read(TEXT, pipeline_of(saved)))
    assert set(model.vocabulary_.words[3:]) == {word for line in WORDS for word in line}
    model.save(tmp_path / "model")
    shutil.rmtree(saved)
    (tmp_path / "model").rename(tmp_path / "moved")
    loaded = load(tmp_path / "moved")
    assert loaded.digest == model.digest == describe(tmp_path / "moved")["digest"]
    assert loaded.pipeline_ == model.pipeline_
    assert [loaded.pipeline_.tokenize(line) for line in TEXT] == WORDS
    loaded.save(tmp_path / "again")
    assert describe(tmp_path / "again") == describe(tmp_path / "moved")
    manifest = (tmp_path / "moved" / "manifest.json").read_text(encoding="utf-8")
    assert str(saved) not in manifest
    record = json.loads(manifest)
    assert record["tokenizer"] == {"member": "tokenizer_"}
    assert record["pipeline"]["tokenizer"] == f"model(kit-correct-tagger {segmenter().digest})"
    assert record["members"]["tokenizer_"]["component"] == "kit-correct-tagger"
    assert "toy-segmenters" in record["libraries"]


def test_texts_are_segmented_again_when_they_are_scored(saved: Path, tmp_path: Path) -> None:
    pipeline = pipeline_of(saved)
    model = NGram(order=2).fit(Corpus.read(TEXT, pipeline))
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model", NGram)
    words = Corpus.read([" ".join(pipeline.tokenize(line)) for line in TEST])
    by_words = NGram(order=2).fit(Corpus.read(SEGMENTED)).log_probs(words)
    assert np.array_equal(loaded.log_probs(TEST), by_words)
    assert np.array_equal(model.log_probs(Corpus.read(TEST, pipeline)), by_words)
    with pytest.raises(DataError, match=r"tokenized with tok:char.*, but the model uses tok:model\(kit-correct-tagger"):
        loaded.log_probs(Corpus.read(TEST, TextPipeline(tokenizer="char")))


def test_the_digest_is_of_the_segmenter_and_not_of_its_folder(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "copy")
    segmenter(alpha=0.2).save(tmp_path / "other")
    corpora = [Corpus.read(TEXT, pipeline_of(folder)) for folder in (saved, tmp_path / "copy", tmp_path / "other")]
    corpora.append(Corpus.read(TEXT, TextPipeline(tokenizer=segmenter())))
    one, copied, other, given = (NGram(order=2).fit(corpus).digest for corpus in corpora)
    assert one == copied == given != other


def test_reports_show_it_and_bits_per_character_compare(saved: Path) -> None:
    words = NGram(order=2).fit(Corpus.read(TEXT, pipeline_of(saved)))
    characters = NGram(order=3).fit(Corpus.read(TEXT, TextPipeline(tokenizer="char")))
    report = words.report(TEST)
    assert f"|tok:model(kit-correct-tagger {segmenter().digest})|lc:no|nf:none|" in report.signature
    bits = -words.log_probs(TEST).sum() / np.log(2)
    assert report.bits_per_character == pytest.approx(bits / sum(len(line) + 1 for line in TEST))
    found = compare({"words": words, "characters": characters}, TEST)
    assert [model.model for model in found.ranked] == ["words"]
    assert "they cover different events" in found.refused[0].reasons[0]
    assert "read with tok:model(kit-correct-tagger " in found.refused[0].reasons[0]
    note = next(note for note in found.notes if "bits per character" in note)
    other = characters.report(TEST)
    assert f"words {report.bits_per_character:.4f} (OOV 0), characters {other.bits_per_character:.4f} (OOV 1)" in note


def test_copies_and_pickles_have_it(saved: Path) -> None:
    model = NGram(order=2).fit(Corpus.read(TEXT, pipeline_of(saved)))
    shutil.rmtree(saved)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert copied.digest == model.digest
        assert np.array_equal(copied.log_probs(TEST), model.log_probs(TEST))


def test_members_share_the_segmenter_of_their_owner(saved: Path, tmp_path: Path) -> None:
    corpus = Corpus.read(TEXT, pipeline_of(saved))
    models = [NGram(order=order).fit(corpus) for order in (1, 2)]
    members = (models[0], Cache(model=models[1], window=5).fit(None, valid=TEST))
    mixture = Mixture(models=members).fit(None, valid=TEST)
    mixture.save(tmp_path / "mixture")
    shutil.rmtree(saved)
    stored = load_folder(tmp_path / "mixture").arrays
    assert {name.rpartition("/")[0] for name in stored if name.endswith("/start")} == {"members/tokenizer_"}
    record = describe(tmp_path / "mixture")
    assert record["members"]["models.0"]["tokenizer"] == {"member": "owner's"}
    loaded = load(tmp_path / "mixture", Mixture)
    assert loaded.digest == mixture.digest
    assert loaded.models_[0].digest == models[0].digest
    inner = [loaded, *loaded.models_, loaded.models_[1].members()["model"]]
    assert len({id(model.pipeline_.resolved_tokenizer) for model in inner}) == 1
    assert np.array_equal(loaded.log_probs(TEST), mixture.log_probs(TEST))


# ------------------------------------------------------------------------------------------------- models of texts


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_models_of_texts_have_it_as_a_hyper_parameter(kind: str, saved: Path, tmp_path: Path) -> None:
    def make(tokenizer: Any) -> Any:
        model = NBSVM(tokenizer=tokenizer) if kind == "classifier" else TfidfRidge(tokenizer=tokenizer)
        return model.fit(TEXT, LABELS if kind == "classifier" else [float("海" in line) for line in TEXT])

    given, by_folder = make(own := segmenter()), make(f"model:{saved}")
    assert given.tokenizer is own
    assert by_folder.tokenizer.digest == own.digest
    assert given.digest == by_folder.digest
    assert given.pipeline_ == TextPipeline(tokenizer=own, lowercase=True)
    shutil.rmtree(saved)
    by_folder.save(tmp_path / "model")
    (tmp_path / "model").rename(tmp_path / "moved")
    loaded = load(tmp_path / "moved")
    assert loaded.digest == given.digest
    assert loaded.pipeline_.resolved_tokenizer.model is loaded.tokenizer  # type: ignore[attr-defined]
    assert np.array_equal(loaded.predict(TEST), given.predict(TEST))  # type: ignore[attr-defined]
    record = describe(tmp_path / "moved")
    assert record["tokenizer"] == {"member": "tokenizer"}
    assert list(record["members"]) == ["tokenizer"]
    assert record["hyper_parameters"]["tokenizer"]["digest"] == own.digest
    copied = copy.deepcopy(loaded)
    assert copied.digest == given.digest
    assert np.array_equal(copied.predict(TEST), given.predict(TEST))  # type: ignore[attr-defined]


def test_the_words_of_a_classifier_are_those_of_the_segmenter(saved: Path) -> None:
    by_segmenter = NBSVM(tokenizer=f"model:{saved}").fit(TEXT, LABELS)
    by_spaces = NBSVM(tokenizer="space").fit(SEGMENTED, LABELS)
    spaced = [" ".join(by_segmenter.pipeline_.tokenize(line)) for line in TEST]
    assert np.array_equal(by_segmenter.predict_proba(TEST), by_spaces.predict_proba(spaced))


def test_scikit_learns_habits_are_kept(saved: Path) -> None:
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    model = NBSVM(tokenizer=f"model:{saved}").fit(TEXT, LABELS)
    assert clone(model).tokenizer is model.tokenizer
    search = GridSearchCV(NBSVM(), {"tokenizer": ["char", f"model:{saved}"]}, cv=2).fit(TEXT, LABELS)
    assert len(search.cv_results_["params"]) == 2


def test_another_segmenter_makes_the_model_unfitted(saved: Path) -> None:
    model = NBSVM(tokenizer=f"model:{saved}").fit(TEXT, LABELS)
    model.tokenizer = model.tokenizer
    assert model.is_fitted
    model.tokenizer = segmenter(SEGMENTED[:4])
    assert not model.is_fitted


# ---------------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(
    "name", ["model:{}", "model(kit-correct-tagger 0123456789abcdef)", "model(x 0123456789abcdef)"]
)
def test_nothing_that_a_manifest_names_is_loaded(name: str, saved: Path, tmp_path: Path) -> None:
    Bigram().fit(Corpus.read(TEXT, TextPipeline(tokenizer="char"))).save(tmp_path / "model")
    resave(tmp_path / "model", lambda manifest: manifest["pipeline"].update(tokenizer=name.format(saved)))
    with pytest.raises(SavedModelError, match=r"a saved model contains its tokenizer|the segmenter .* is missing"):
        load(tmp_path / "model")
    NBSVM().fit(TEXT, LABELS).save(tmp_path / "classifier")
    resave(tmp_path / "classifier", lambda manifest: manifest["hyper_parameters"].update(tokenizer=f"model:{saved}"))
    with pytest.raises(SavedModelError, match="a saved model contains its tokenizer"):
        load(tmp_path / "classifier")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: manifest["members"].clear(), "does not belong to a member|tokenizer has a wrong type"),
        (lambda manifest: manifest.pop("tokenizer"), r"the segmenter 'model\(kit-correct.* is missing"),
        (lambda manifest: manifest["tokenizer"].update(member="other"), "tokenizer has a wrong type"),
        (lambda manifest: manifest["tokenizer"].update(member="owner's"), "tokenizer has a wrong type"),
        (lambda manifest: manifest["tokenizer"].update(member=["tokenizer_"]), "tokenizer has a wrong type"),
        (lambda manifest: manifest["pipeline"].update(tokenizer="char"), "the segmenter 'char' is missing"),
        (lambda manifest: manifest["pipeline"].update(tokenizer=3), "tokenizer"),
        (
            lambda manifest: manifest["members"]["tokenizer_"]["metadata"].update(scheme="plain"),
            "is a tagger of the scheme plain|tags|scheme",
        ),
    ],
)
def test_damage_is_one_line(change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    Bigram().fit(Corpus.read(TEXT, TextPipeline(tokenizer=segmenter()))).save(tmp_path / "model")
    resave(tmp_path / "model", change)
    with pytest.raises(SavedModelError, match=message) as caught:
        load(tmp_path / "model")
    assert "\n" not in str(caught.value)


def test_models_without_a_segmenter_are_saved_as_before(tmp_path: Path) -> None:
    NGram(order=2).fit(Corpus.read(TEXT, TextPipeline(tokenizer="char"))).save(tmp_path / "model")
    record = json.loads((tmp_path / "model" / "manifest.json").read_text(encoding="utf-8"))
    assert not {"members", "tokenizer"} & record.keys()
