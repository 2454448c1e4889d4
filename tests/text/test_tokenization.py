"""Decoding and Tokenization apart, and the pipeline that holds both."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import nlmkit.core.registry
from nlmkit import NGram
from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import Corpus, Decoding, TextPipeline, Tokenization, stream_blocks

TRAIN = ["the cat sat", "the café sat"] * 4


class Letters:
    """A plugin's tokenizer."""

    name = "letters"

    def tokenize(self, line: str) -> list[str]:
        return list(line.replace(" ", ""))

    def detokenize(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)


def test_a_pipeline_holds_a_decoding_and_a_tokenization() -> None:
    pipeline = TextPipeline("latin-1", "replace", "NFC", True, "char", "skip")
    assert pipeline.decoding == Decoding("latin-1", "replace", "skip")
    assert pipeline.tokenization == Tokenization("char", True, "NFC")
    again = TextPipeline.of(pipeline.decoding, pipeline.tokenization)
    assert (again, again.marks) == (pipeline, "skip")
    other = pipeline.with_decoding(Decoding())
    assert other == TextPipeline("utf-8", "strict", "NFC", True, "char")
    assert other.tokenization is pipeline.tokenization


def test_a_changed_pipeline_has_changed_parts() -> None:
    pipeline = TextPipeline(encoding="latin-1", lowercase=True)
    assert pipeline.tokenization.lowercase
    changed = dataclasses.replace(pipeline, lowercase=False, encoding="utf-16")
    assert (changed.tokenization, changed.decoding) == (Tokenization(), Decoding("utf-16"))


@pytest.mark.parametrize("values", [{"encoding": "utf-99"}, {"errors": "escape"}, {"marks": "keep"}])
def test_a_decoding_refuses_bad_values(values: dict[str, str]) -> None:
    with pytest.raises(HyperParameterError, match=next(iter(values))):
        Decoding(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [{"unicode_form": "nfc"}, {"lowercase": 1}, {"tokenizer": ""}])
def test_a_tokenization_refuses_bad_values(values: dict[str, object]) -> None:
    with pytest.raises(HyperParameterError, match=next(iter(values))):
        Tokenization(**values)  # type: ignore[arg-type]


def test_text_is_read_with_a_tokenization_and_a_decoding(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("CAFÉ au lait\n".encode("latin-1"))
    corpus = Corpus.read(path, Tokenization(lowercase=True), decoding=Decoding("latin-1"))
    assert corpus.sentence(0) == ["café", "au", "lait"]
    assert corpus.pipeline == TextPipeline("latin-1", lowercase=True)
    assert corpus.tokenization == Tokenization(lowercase=True)
    # In place of a pipeline's own decoding.
    assert Corpus.read_files([path], TextPipeline("utf-8"), decoding=Decoding("latin-1")).types == (
        "CAFÉ",
        "au",
        "lait",
    )
    (block,) = stream_blocks(path, decoding=Decoding("latin-1"))
    assert block.lines == ["CAFÉ au lait"]
    with pytest.raises(HyperParameterError, match="Tokenization or a TextPipeline, not 'space'"):
        Corpus.read(path, "space")  # type: ignore[arg-type]


def test_the_same_tokenization_with_another_tokenizer_is_equal() -> None:
    plain = Tokenization(tokenizer="letters")
    given = plain.with_tokenizer(Letters())
    assert given == plain
    assert given.tokenize("ab c") == ["a", "b", "c"]
    pipeline = TextPipeline(tokenizer="letters", encoding="latin-1").with_tokenizer(Letters())
    assert pipeline == TextPipeline(tokenizer="letters", encoding="latin-1")
    for each in (pipeline, pipeline.with_marks("skip"), pipeline.with_decoding(Decoding())):
        assert Corpus.read(["ab c"], each).sentence(0) == ["a", "b", "c"]


def test_a_plugins_tokenizer_is_found_without_importing_the_registry_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nlmkit.core.registry, "get_tokenizer", lambda name: Letters())
    assert Tokenization(tokenizer="letters").tokenize("ab") == ["a", "b"]
    code = (
        "import sys\nfrom nlmkit import Tokenization\nassert 'nlmkit.core.registry' not in sys.modules\n"
        "try:\n    Tokenization(tokenizer='no-such').tokenize('a')\nexcept Exception as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "no tokenizer named 'no-such'" in said


def test_a_model_takes_a_corpus_however_it_was_decoded(tmp_path: Path) -> None:
    model = NGram(order=2).fit(TRAIN)
    path = tmp_path / "text"
    path.write_bytes("the café sat\n".encode("latin-1"))
    corpus = Corpus.read(path, model.tokenization_, decoding=Decoding("latin-1", "replace"))
    np.testing.assert_array_equal(model.log_probs(corpus), model.log_probs(["the café sat"]))
    assert model.report(corpus).text_pipeline == "tok:space|lc:no|nf:none|err:replace"
    with pytest.raises(DataError, match=r"tokenized with tok:space\|lc:yes\|nf:none, but the model uses"):
        model.log_probs(Corpus.read(path, Tokenization(lowercase=True), decoding=Decoding("latin-1")))


def test_a_classifier_takes_a_corpus_however_it_was_decoded(tmp_path: Path) -> None:
    classifier = NBSVM().fit(["good café", "bad café", "good", "bad"] * 3, [1, 0, 1, 0] * 3)
    path = tmp_path / "text"
    path.write_bytes("good café\nbad\n".encode("utf-16"))
    corpus = Corpus.read(path, classifier.tokenization_, decoding=Decoding("utf-16"))
    assert classifier.predict(corpus).tolist() == [1, 0]
    with pytest.raises(DataError, match="but the classifier uses tok:word"):
        classifier.predict(Corpus.read(path, Tokenization(), decoding=Decoding("utf-16")))


def test_a_corpus_of_altered_tokens_knows_how_its_text_was_read() -> None:
    pipeline = TextPipeline(lowercase=True)
    corpus = Corpus.of_tokens([["b", "a"], [], ["a", "c"]], pipeline)
    assert (corpus.types, corpus.pipeline, corpus.characters) == (("b", "a", "c"), pipeline, None)
    assert [corpus.sentence(number) for number in range(3)] == [["b", "a"], [], ["a", "c"]]
    assert Corpus.of_tokens([], None).tokenization is None
    with pytest.raises(DataError, match="token 2"):
        Corpus.of_tokens([["a", ""]], pipeline)
