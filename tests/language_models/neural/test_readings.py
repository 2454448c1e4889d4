"""Models of characters read words spelled out, as they would read the raw text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nlmkit import Corpus, HyperParameterError, TextPipeline
from nlmkit.language_models.neural import scoring
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.readings import coverage, reading
from nlmkit.language_models.neural.states import token_states
from nlmkit.text.tagged import TaggedSentences
from nlmkit.text.tokenization import Tokenization
from nlmkit.text.vocabulary import EOS_ID, UNK_ID

pytestmark = pytest.mark.slow

TRAIN = ["The cat sees the fine dog", "", "No dog sings", "a bird sings"] * 2
SENTENCES = [["THE", "ﬁne", "zebra"], [], ["a"], ["sings" * 9, "´", "№", "dog"], ["cat"] * 30, ["<unk>", "▁", "a b"]]
"""The normal forms of some are longer, and one contains a space."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fitted(lines: Sequence[str], direction: str = "forward", **form: object) -> LSTM:
    text = Corpus.read(lines, TextPipeline(tokenizer="char", **form))  # type: ignore[arg-type]
    return LSTM(hidden=6, embedding=4, epochs=1, batch=4, direction=direction).fit(text)


@pytest.fixture(scope="module", params=["forward", "backward"])
def lm(request: pytest.FixtureRequest) -> LSTM:
    return fitted(TRAIN, request.param, lowercase=True, unicode_form="NFKC")


def read_as_text(lm: LSTM, sentence: Sequence[str], space: str = " ") -> list[NDArray[np.float32]]:
    """Read the line that has the words, one character at a time, and keep the states at the words' ends."""
    characters = lm.tokenization_.tokenize(space.join(sentence))
    state, states = lm.start(), []
    for character in characters[::-1] if lm.reads_backward else characters:
        state = lm.advance(state, lm.vocabulary_.id(character))
        states.append(state.hidden)
    found, begin = [], 0
    for word in sentence:
        end = begin + len(lm.tokenization_.normalize(word))
        found.append(states[::-1][begin] if lm.reads_backward else states[end - 1])
        begin = end + len(space)
    assert begin - len(space) == len(characters) or not sentence
    return found


def test_states_are_those_at_the_ends_of_words_of_the_raw_text(lm: LSTM, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = np.array([state for sentence in SENTENCES for state in read_as_text(lm, sentence)])
    np.testing.assert_allclose(token_states(lm, SENTENCES), expected, rtol=0, atol=1e-5)
    alone = np.concatenate([token_states(lm, [sentence]) for sentence in SENTENCES])
    np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-5)
    monkeypatch.setattr(scoring, "WINDOW", 7)  # long words are read in parts
    monkeypatch.setattr(scoring, "PADDED_TOKENS", 64)
    np.testing.assert_allclose(token_states(lm, SENTENCES), expected, rtol=0, atol=1e-5)
    assert token_states(lm, [[], []]).shape == (0, 6)


def test_no_space_is_read_between_characters(lm: LSTM) -> None:
    sentence = ["S", "i", "n", "ﬁ"]
    expected = read_as_text(lm, sentence, space="")
    data = TaggedSentences([sentence], tokenizer="char")
    np.testing.assert_allclose(token_states(lm, data), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(token_states(lm, [sentence], spaces=False), expected, rtol=0, atol=1e-5)
    text = Corpus.read(["a dog"], TextPipeline(tokenizer="char"))  # its spaces are tokens
    np.testing.assert_allclose(token_states(lm, text), read_as_text(lm, [*"a▁dog"], space=""), rtol=0, atol=1e-5)


def test_no_space_is_read_by_a_model_that_knows_none() -> None:
    lm = fitted(["北京大学", "大学生"])
    states = token_states(lm, [["北京", "大学"]])
    np.testing.assert_allclose(states, read_as_text(lm, ["北京", "大学"], space=""), rtol=0, atol=1e-5)


def test_a_word_without_characters_has_the_state_before_it(lm: LSTM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tokenization, "normalize", lambda self, text: text.replace("0", ""))
    types, offsets = ["0", "a", "do"], np.array([0, 3, 3, 4, 6])
    read = reading(lm, types, np.array([0, 0, 2, 0, 1, 0], np.int32), offsets, spaces=True)
    word = [lm.vocabulary_.word(int(each)) for each in read.ids]
    mark = lm.vocabulary_.word(EOS_ID)
    assert read.offsets.tolist() == [0, 5, 5, 6, 9]
    if lm.reads_backward:
        assert word == [mark, "o", "d", "▁", "▁", mark, mark, "▁", "a"]
        assert read.last.tolist() == [4, 3, 2, 5, 8, 6]
    else:
        assert word == [mark, "▁", "▁", "d", "o", mark, mark, "a", "▁"]
        assert read.last.tolist() == [0, 1, 4, 5, 7, 8]
    assert len(token_states(lm, [["0", "0"], ["0", "dog"]])) == 4


def test_coverage_is_the_share_of_known_characters(lm: LSTM) -> None:
    assert coverage(lm, ["THE", "Zz", "ﬁ", "unused?"], np.array([0, 0, 1, 2], np.int32)) == pytest.approx(8 / 10)
    assert coverage(lm, [], np.zeros(0, np.int32)) == 1
    read = reading(lm, ["zé"], np.zeros(1, np.int32), np.array([0, 1]), spaces=True)
    assert read.ids.tolist() == [EOS_ID, UNK_ID, UNK_ID]


def test_tokens_that_may_be_neither_words_nor_characters_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = fitted(["a"])
    name = "model(bilstm-tagger 1a2b3c4d5e6f7a8b)"
    monkeypatch.setattr(LSTM, "tokenization_", Tokenization(name))
    with pytest.raises(HyperParameterError, match=r"has the tokenizer model\(bilstm-tagger .*require one of words"):
        token_states(lm, SENTENCES)
