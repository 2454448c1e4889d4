"""States after each token: those of the state machine, one token at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nlmkit import Corpus, DataError, HyperParameterError, NGram, NotFittedError, TextPipeline
from nlmkit.language_models.combined.temperature import Temperature
from nlmkit.language_models.neural import scoring
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.readings import vocabulary_ids
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.language_models.neural.states import token_states
from nlmkit.text.tagged import TaggedSentences

pytestmark = pytest.mark.slow

TRAIN = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "", "the bird sees the cat and sings"] * 3
SENTENCES = [["a", "dog", "sings"], [], ["the", "zebra", "sees", "the", "cat"], ["bird"], ["the"] * 40, ["a", "cat"]]
TINY: dict[str, Any] = {"hidden": 8, "embedding": 6, "epochs": 1, "batch": 4}
MODELS: list[NeuralLanguageModel] = [
    LSTM(**TINY),
    LSTM(**TINY, direction="backward", layers=2, layer_norm=True, dropout=0.3),
    GRU(**TINY, direction="backward"),
    RNNLM(**TINY, layers=2, projection="last-layer"),
    NNLM(**TINY, order=3),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: f"{model.name}-{getattr(model, 'direction', '')}")
def lm(request: pytest.FixtureRequest) -> NeuralLanguageModel:
    model: NeuralLanguageModel = request.param
    return model.fit(TRAIN)


@pytest.fixture(scope="module")
def backward() -> LSTM:
    return LSTM(**TINY, direction="backward").fit(TRAIN)


def one_at_a_time(lm: NeuralLanguageModel, sentences: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    found = []
    for sentence in sentences:
        state, own = lm.start(), []
        for word in sentence[::-1] if lm.reads_backward else sentence:
            state = lm.advance(state, lm.vocabulary_.id(word))
            own.append(state.hidden)
        found += own[::-1] if lm.reads_backward else own
    return np.array(found)


def test_states_are_those_of_the_state_machine(lm: NeuralLanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = lm.digest
    expected = one_at_a_time(lm, SENTENCES)
    found = token_states(lm, SENTENCES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    monkeypatch.setattr(scoring, "WINDOW", 7)  # long sentences are read in parts
    np.testing.assert_allclose(token_states(lm, SENTENCES), expected, rtol=0, atol=1e-5)
    assert lm.digest == digest


def test_sentences_do_not_depend_on_each_other(lm: NeuralLanguageModel) -> None:
    alone = [token_states(lm, [sentence]) for sentence in SENTENCES]
    assert [len(states) for states in alone] == [len(sentence) for sentence in SENTENCES]
    together = token_states(lm, SENTENCES[::-1] * 200)  # in several batches
    np.testing.assert_allclose(together, np.concatenate(alone[::-1] * 200), rtol=0, atol=1e-5)


def test_states_depend_on_the_token_and_the_words_read_before_it(backward: LSTM) -> None:
    one, two = token_states(backward, [["the", "cat", "sees"], ["a", "cat", "sees"]]).reshape(2, 3, -1)
    np.testing.assert_allclose(one[1:], two[1:], rtol=0, atol=1e-6)
    assert np.abs(one[0] - two[0]).max() > 1e-3
    other = token_states(backward, [["the", "cat", "sings"]])
    assert (np.abs(one - other).max(axis=1) > 1e-3).all()


def test_every_form_of_sentences_gives_the_same_states(backward: LSTM) -> None:
    expected = token_states(backward, SENTENCES)
    tags = [["X"] * len(sentence) for sentence in SENTENCES]
    tagged = TaggedSentences(SENTENCES, tags)
    lines = [" ".join(sentence) for sentence in SENTENCES]
    for form in (iter(SENTENCES), Corpus.read(SENTENCES), Corpus.read(lines), tagged, tagged.without_tags()):
        assert np.array_equal(token_states(backward, form), expected)
    part = token_states(backward, tagged.subset([4, 0]))
    np.testing.assert_allclose(part, np.concatenate([expected[9:49], expected[:3]]), rtol=0, atol=1e-5)


def test_tokens_are_looked_up_in_the_models_case_and_form_and_marks_are_unknown() -> None:
    lm = LSTM(**TINY).fit(
        Corpus.read(["The CAT No １２", "<unk> sees"], TextPipeline(lowercase=True, unicode_form="NFKC"))
    )
    tokens = ["THE", "cat", "№", "12", "１２", "zebra", "<unk>", "<s>", "</s>", "unused"]
    ids = vocabulary_ids(lm, tokens, np.arange(9, dtype=np.int32))
    words = [lm.vocabulary_.word(int(word_id)) for word_id in ids]
    assert words == ["the", "cat", "no", "12", "12", "<unk>", "<unk>", "<unk>", "<unk>"]
    assert len(token_states(lm, [tokens[:9]])) == 9


@pytest.mark.parametrize("sentences", [[], [[]], [[], []]])
def test_without_tokens_there_are_no_states(backward: LSTM, sentences: list[list[str]]) -> None:
    assert token_states(backward, sentences).shape == (0, 8)


def test_what_has_no_states_is_refused(backward: LSTM) -> None:
    with pytest.raises(NotFittedError):
        token_states(LSTM(), SENTENCES)
    ngram = NGram(order=2, smoothing="add-k").fit(TRAIN)
    with pytest.raises(HyperParameterError, match="require a neural language model such as lstm, not ngram"):
        token_states(ngram, SENTENCES)
    with pytest.raises(HyperParameterError, match="not temperature"):
        token_states(Temperature(model=backward, temperature=2.0).fit(), SENTENCES)
    with pytest.raises(DataError):
        token_states(backward, ["the cat"])
