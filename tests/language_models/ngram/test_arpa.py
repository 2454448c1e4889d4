import errno
import gzip
import math
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nlmkit.errors import DataError, ExportError
from nlmkit.language_models.ngram.arpa import read_arpa, write_arpa
from nlmkit.language_models.ngram.counting import count_ngrams
from nlmkit.language_models.ngram.smoothing.modified_kneser_ney import estimate
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.table import BackoffTable

pytestmark = pytest.mark.slow

LN10 = math.log(10)
SPECIAL = ["<unk>", "<s>", "</s>"]

BY_HAND = """\\data\\
ngram 1=5
ngram 2=4
ngram 3=2

\\1-grams:
-1.0\t<unk>\t0
-99\t<s>\t-0.3
-0.7\t</s>
-0.5\ta\t-0.2
-0.6\tb\t-0.1

\\2-grams:
-0.4\t<s> a\t-0.15
-0.3\ta b\t-0.05
-0.9\ta a
-0.2\tb </s>

\\3-grams:
-0.1\t<s> a b
-0.25\ta b </s>

\\end\\
"""
BY_HAND_SCORES = {
    "": [-0.3 - 0.7],
    "a b": [-0.4, -0.1, -0.25],
    "a a a b": [-0.4, -0.15 - 0.9, -0.9, -0.3, -0.25],
    "b b": [-0.3 - 0.6, -0.1 - 0.6, -0.2],
    "b a x b": [-0.3 - 0.6, -0.1 - 0.5, -0.2 - 1.0, -0.6, -0.2],
    "a b a": [-0.4, -0.1, -0.05 - 0.1 - 0.5, -0.2 - 0.7],
}

Sentences = list[list[int]]


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    path = tmp_path / "hand.arpa"
    path.write_text(BY_HAND)
    return path


def event_ids(sentences: Sentences) -> NDArray[np.int32]:
    return np.array([word for sentence in sentences for word in [*sentence, 2]], np.int32)


def fitted(sentences: Sentences, order: int, size: int) -> BackoffTable:
    counts = count_ngrams(event_ids(sentences), order, size)
    keep = [np.ones(len(level), bool) for level in counts.levels]
    return BackoffTable.from_estimate(counts, estimate(counts, Options(keep=keep)), keep)


def word_names(size: int) -> list[str]:
    return [*SPECIAL, *(f"w{id_}" for id_ in range(3, size))]


def ids_of(words: list[str], sentence: str) -> list[int]:
    return [words.index(word) if word in words else 0 for word in sentence.split()]


def grams(table: BackoffTable, words: list[str]) -> list[dict[tuple[str, ...], tuple[float, float]]]:
    """Every n-gram with its log-probability and backoff, in words, which do not depend on ids."""
    listed: list[dict[tuple[str, ...], tuple[float, float]]] = []
    texts: list[tuple[str, ...]] = []
    for k in range(1, table.order + 1):
        first = [words[id_] for id_ in table.first[k - 1]]
        shorter = [()] * len(first) if k == 1 else [texts[index] for index in table.suffix[k - 1]]
        texts = [(word, *rest) for word, rest in zip(first, shorter, strict=True)]
        backoffs = table.backoffs[k - 1] if k < table.order else np.zeros(len(first))
        listed.append(dict(zip(texts, zip(table.log_probs[k - 1], backoffs, strict=True), strict=True)))
    return listed


class PlainArpa:
    """Reads and scores as the format's definition says, with dictionaries."""

    def __init__(self, text: str) -> None:
        self.probs: dict[tuple[str, ...], float] = {}
        self.backoffs: dict[tuple[str, ...], float] = {}
        order = 0
        for line in text.split("\n"):
            fields = [field for field in line.replace("\t", " ").split(" ") if field]
            if line.endswith("-grams:"):
                order = int(line[1:-7])
            elif order and fields and not line.startswith("\\"):
                gram = tuple(fields[1 : order + 1])
                self.probs[gram] = float(fields[0])
                self.backoffs[gram] = float(fields[order + 1]) if len(fields) > order + 1 else 0.0
        self.order = order

    def log10(self, gram: tuple[str, ...]) -> float:
        if gram in self.probs:
            return self.probs[gram]
        return self.backoffs.get(gram[:-1], 0.0) + self.log10(gram[1:])

    def scores(self, sentence: list[str]) -> list[float]:
        marked = ["<s>", *(word if (word,) in self.probs else "<unk>" for word in sentence), "</s>"]
        return [self.log10(tuple(marked[max(0, end - self.order) : end])) for end in range(2, len(marked) + 1)]


@st.composite
def corpora(draw: st.DrawFn) -> tuple[Sentences, int]:
    """A few sentences over few words, and the vocabulary size; some words may be unseen."""
    size = draw(st.integers(4, 9))
    sentence = st.lists(st.integers(3, size - 1), max_size=7)
    return draw(st.lists(sentence, min_size=1, max_size=12)), size


# --- by hand ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sentence", BY_HAND_SCORES)
def test_scores_of_a_file_written_by_hand(by_hand: Path, sentence: str) -> None:
    table, words = read_arpa(by_hand)
    scores, _ = table.score(event_ids([ids_of(words, sentence)]))
    np.testing.assert_allclose(scores / LN10, BY_HAND_SCORES[sentence], atol=1e-12)


def test_what_a_file_holds(by_hand: Path) -> None:
    table, words = read_arpa(by_hand)
    assert words == [*SPECIAL, "a", "b"]
    assert table.sizes == [5, 4, 2]
    assert table.log_probs[0][1] == -np.inf
    held = grams(table, words)
    assert held[0][("<s>",)][1] == pytest.approx(-0.3 * LN10)
    assert held[0][("</s>",)] == pytest.approx((-0.7 * LN10, 0))
    assert held[1][("<s>", "a")] == pytest.approx((-0.4 * LN10, -0.15 * LN10))
    assert all(values.dtype == np.float64 for values in [*table.log_probs, *table.backoffs])


def test_notes_nothing_where_there_is_nothing_to_note(by_hand: Path) -> None:
    read_arpa(by_hand, note=pytest.fail)


# The same model, as other programs or hands may write it.
VARIANTS: dict[str, Callable[[str], str]] = {
    "spaces between fields": lambda text: text.replace("\t", "  "),
    "spaces around lines": lambda text: text.replace("\n-", "\n \t-").replace("\n\n", " \n\n"),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "byte order mark": lambda text: "\ufeff" + text,
    "no final newline": lambda text: text.rstrip("\n"),
    "blank lines at the end": lambda text: text + "\n \n",
    "blank lines in sections": lambda text: text.replace("\n-0.3\t", "\n\n-0.3\t"),
    "no blank lines": lambda text: text.replace("\n\n", "\n"),
    "comments before": lambda text: "# made by hand\n\nngram 7=1\n" + text,
    "IRSTLM's header": lambda text: "\n" + text.replace("ngram 1=5", "ngram  1=         5"),
    "spaced header": lambda text: text.replace("ngram 2=4", "ngram 2 = 4 ").replace("\\data\\", "\\data\\ "),
    "<s> at 0": lambda text: text.replace("-99\t<s>", "0\t<s>"),
    "<s> at minus infinity": lambda text: text.replace("-99\t<s>", "-inf\t<s>"),
    "<UNK>": lambda text: text.replace("<unk>", "<UNK>"),
    "backoff weights everywhere": lambda text: text.replace("b </s>", "b </s>\t0").replace("a b\n", "a b\t0.0\n"),
    "rounding above zero": lambda text: text.replace("\t</s>\n", "\t</s>\t-0\n").replace("-0.1\t<s>", "-0.1000\t<s>"),
    "numbers with exponents": lambda text: text.replace("-0.25", "-2.5e-1").replace("-0.6", "-.6"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_ways_to_write_the_same(tmp_path: Path, variant: str) -> None:
    path = tmp_path / "variant.arpa"
    text = VARIANTS[variant](BY_HAND)
    assert text != BY_HAND
    path.write_bytes(text.encode())
    table, words = read_arpa(path, note=pytest.fail)
    for sentence, expected in BY_HAND_SCORES.items():
        scores, _ = table.score(event_ids([ids_of(words, sentence)]))
        np.testing.assert_allclose(scores / LN10, expected, atol=1e-12)


def test_n_grams_with_a_capital_unk(tmp_path: Path) -> None:
    path = tmp_path / "capital.arpa"
    text = BY_HAND.replace("<unk>", "<UNK>").replace("-0.9\ta a", "-0.9\ta <UNK>")
    path.write_text(text)
    table, words = read_arpa(path)
    assert words[0] == "<unk>"
    assert grams(table, words)[1][("a", "<unk>")][0] == pytest.approx(-0.9 * LN10)


def test_probabilities_rounded_above_one_count_as_one(tmp_path: Path) -> None:
    path = tmp_path / "rounded.arpa"
    path.write_text(BY_HAND.replace("-0.25\t", "0.0000005\t"))
    table, _ = read_arpa(path)
    assert table.log_probs[2].max() == 0.0


def test_no_unk(tmp_path: Path) -> None:
    path = tmp_path / "closed.arpa"
    path.write_text(BY_HAND.replace("-1.0\t<unk>\t0\n", "").replace("ngram 1=5", "ngram 1=4"))
    notes: list[str] = []
    table, words = read_arpa(path, note=notes.append)
    assert notes == ["no <unk> in the file: unknown words get the log10 probability -100"]
    scores, _ = table.score(event_ids([[words.index("a"), 0]]))
    np.testing.assert_allclose(scores / LN10, [-0.4, -0.15 - 0.2 - 100, -0.7])


def test_n_grams_that_no_text_can_reach_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "odd.arpa"
    odd = BY_HAND.replace("ngram 2=4", "ngram 2=7").replace("ngram 3=2", "ngram 3=4")
    odd = odd.replace("\\2-grams:\n", "\\2-grams:\n-1\t<s> <s>\t-1\n-1 a <s>\n-1 </s> a\n")
    odd = odd.replace("\\3-grams:\n", "\\3-grams:\n-1 <s> <s> a\n-1 a <s> a\n")
    path.write_text(odd)
    notes: list[str] = []
    table, words = read_arpa(path, note=notes.append)
    assert notes == ["5 n-grams dropped that have <s> after or </s> before another word"]
    path.write_text(BY_HAND)
    assert grams(table, words) == grams(*read_arpa(path))


def test_suffixes_that_pruning_took_are_added(tmp_path: Path) -> None:
    path = tmp_path / "pruned.arpa"
    text = BY_HAND.replace("ngram 2=4", "ngram 2=3").replace("-0.2\tb </s>\n", "")
    path.write_text(text)
    notes: list[str] = []
    table, words = read_arpa(path, note=notes.append)
    assert len(notes) == 1
    assert notes[0].startswith(
        "1 n-grams that are suffixes of longer ones were missing from the file: added with their back-off probabilities"
    )
    assert table.sizes == [5, 4, 2]
    assert grams(table, words)[1][("b", "</s>")] == pytest.approx(((-0.1 - 0.7) * LN10, 0))
    plain = PlainArpa(text)
    for sentence in BY_HAND_SCORES:
        scores, _ = table.score(event_ids([ids_of(words, sentence)]))
        np.testing.assert_allclose(scores / LN10, plain.scores(sentence.split()), atol=1e-12)


@given(corpora(), st.integers(3, 5), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_any_suffix_may_be_missing_and_any_order_of_lines_will_do(
    tmp_path_factory: pytest.TempPathFactory, corpus: tuple[Sentences, int], order: int, chance: random.Random
) -> None:
    sentences, size = corpus
    words = word_names(size)
    path = tmp_path_factory.mktemp("arpa") / "model.arpa"
    write_arpa(path, fitted(sentences, order, size), words)
    sections = [part.split("\n") for part in path.read_text().split("\n\n")[1:-1]]
    histories: set[tuple[str, ...]] = set()
    for section in reversed(sections):
        lines = section[1:]
        if section is not sections[0]:
            # a history has to stay, a suffix may go
            lines = [line for line in lines if chance.random() < 0.6 or tuple(line.split("\t")[1].split()) in histories]
        histories.update(tuple(line.split("\t")[1].split()[:-1]) for line in lines)
        chance.shuffle(lines)
        section[1:] = lines
    header = ["\\data\\", *(f"ngram {k}={len(section) - 1}" for k, section in enumerate(sections, 1))]
    text = "\n\n".join("\n".join(part) for part in [header, *sections, ["\\end\\\n"]])
    path.write_text(text)
    table, read_words = read_arpa(path)
    table.check()
    plain = PlainArpa(text)
    for sentence in [*sentences, [], [0, 3, 3, 0]]:
        named = [words[id_] for id_ in sentence]
        scores, _ = table.score(event_ids([[read_words.index(word) for word in named]]))
        np.testing.assert_allclose(scores / LN10, plain.scores(named), rtol=1e-12, atol=1e-12)


# --- round trip -------------------------------------------------------------------------------------------------------


@given(corpora(), st.integers(1, 6), st.booleans())
@settings(max_examples=40)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, corpus: tuple[Sentences, int], order: int, single: bool
) -> None:
    sentences, size = corpus
    words = word_names(size)
    path = tmp_path_factory.mktemp("arpa") / "model.arpa"
    table = fitted(sentences, order, size)
    table = table.as_float32() if single else table
    write_arpa(path, table, words)
    again, read_words = read_arpa(path, note=pytest.fail)
    assert read_words == words
    for name in ("first", "children", "history"):
        for old, new in zip(getattr(table, name), getattr(again, name), strict=True):
            np.testing.assert_array_equal(old, new)
    for old, new in zip([*table.log_probs, *table.backoffs], [*again.log_probs, *again.backoffs], strict=True):
        assert new.dtype == np.float64
        np.testing.assert_allclose(new, old, rtol=1e-8, atol=0)
    text = event_ids([*sentences, [0, 3], []])
    np.testing.assert_allclose(again.score(text)[0], table.score(text)[0], rtol=1e-7)
    second = path.with_name("again.arpa")
    write_arpa(second, again, read_words)
    assert second.read_bytes() == path.read_bytes()


def test_words_of_all_kinds(tmp_path: Path) -> None:
    odd = ["语言", "模型", "\u3000", "\xa0x", "a\x0bb\x0c", "\u2028", "\x85", "\\data\\", "\\end\\", "\\2-grams:"]
    odd += ["-1.5", "0", "#", "ngram", "\U0001f600", "\ufeff", "\x1c", "<S>", "é", "e\u0301"]
    words = [*SPECIAL, *odd]
    sentences = [list(range(3, len(words))), list(range(len(words) - 1, 2, -1)), [3, 4]]
    table = fitted(sentences, 3, len(words))
    path = tmp_path / "odd.arpa"
    write_arpa(path, table, words)
    again, read_words = read_arpa(path, note=pytest.fail)
    assert read_words == words
    assert again.sizes == table.sizes
    text = event_ids(sentences)
    np.testing.assert_allclose(again.score(text)[0], table.score(text)[0], rtol=1e-7)


@pytest.mark.parametrize("name", ["model.arpa.gz", "MODEL.ARPA.GZ"])
def test_gzip(tmp_path: Path, name: str) -> None:
    words = word_names(6)
    table = fitted([[3, 4, 5], [4, 5]], 3, 6)
    plain, packed = tmp_path / "model.arpa", tmp_path / name
    write_arpa(plain, table, words)
    write_arpa(packed, table, words)
    data = packed.read_bytes()
    assert gzip.decompress(data) == plain.read_bytes()
    write_arpa(packed, table, words)
    assert packed.read_bytes() == data
    assert grams(*read_arpa(packed)) == grams(*read_arpa(plain))


def test_what_is_written(by_hand: Path, tmp_path: Path) -> None:
    table, words = read_arpa(by_hand)
    table.log_probs[2][0] = -1e-7 * LN10
    table.backoffs[1][0] = 1.25e-17 * LN10
    table.backoffs[1][1] = -0.0
    table.backoffs[1][2] = -2e9 * LN10
    table.log_probs[1][3] = 1e-9
    path = tmp_path / "out.arpa"
    write_arpa(path, table, words)
    lines = path.read_text().split("\n")
    assert lines[:6] == ["\\data\\", "ngram 1=5", "ngram 2=4", "ngram 3=2", "", "\\1-grams:"]
    assert lines[6:12] == ["-1\t<unk>\t0", "0\t<s>\t-0.3", "-0.7\t</s>\t0", "-0.5\ta\t-0.2", "-0.6\tb\t-0.1", ""]
    assert lines[-3:] == ["", "\\end\\", ""]
    order_2 = lines[lines.index("\\2-grams:") + 1 :][:4]
    assert [line.split("\t")[1] for line in order_2] == ["b </s>", "<s> a", "a a", "a b"]
    assert [line.split("\t")[2] for line in order_2] == ["0.0000000000000000125", "0", "-2000000000", "-0.05"]
    assert order_2[3].startswith("0\t")
    order_3 = lines[lines.index("\\3-grams:") + 1 :][:2]
    assert order_3 == ["-0.0000001\ta b </s>", "-0.1\t<s> a b"]


def test_orders_without_n_grams(tmp_path: Path) -> None:
    path = tmp_path / "short.arpa"
    table = fitted([[3], []], 5, 4)
    assert table.sizes == [4, 3, 1, 0, 0]
    write_arpa(path, table, word_names(4))
    assert read_arpa(path)[0].sizes == table.sizes


def test_progress(tmp_path: Path) -> None:
    path = tmp_path / "model.arpa"
    table = fitted([[3, 4, 5], [4, 5]], 3, 6)
    written: list[int] = []
    write_arpa(path, table, word_names(6), advance=written.append)
    assert sum(written) == sum(table.sizes)
    read: list[int] = []
    read_arpa(path, advance=read.append)
    assert sum(read) == path.stat().st_size


def test_blocks_and_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = word_names(8)
    table = fitted([[3, 4, 5, 6, 7], [4, 5, 5], [7, 3, 3, 6]], 4, 8)
    whole, cut = tmp_path / "whole.arpa", tmp_path / "cut.arpa"
    write_arpa(whole, table, words)
    monkeypatch.setattr("nlmkit.language_models.ngram.arpa_writing._LINES", 3)
    write_arpa(cut, table, words)
    assert cut.read_bytes() == whole.read_bytes()
    expected = grams(*read_arpa(whole))
    for size in (1, 7, 64):
        monkeypatch.setattr("nlmkit.language_models.ngram.arpa_reading._BLOCK_BYTES", size)
        assert grams(*read_arpa(cut)) == expected
    monkeypatch.setattr("nlmkit.language_models.ngram.arpa_reading._BLOCK_BYTES", 16)
    cut.write_text("\n\n\n\n" + whole.read_text().replace("\n0\t<s>", "\nx\t<s>"))
    with pytest.raises(DataError, match="line 13: 'x' is not a number"):
        read_arpa(cut)


# --- refused by the writer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["a b", "a\tb", "a\nb", "a\r", "\0", "", "<UNK>", "\ud800"])
def test_words_that_arpa_cannot_hold(tmp_path: Path, word: str) -> None:
    path = tmp_path / "model.arpa"
    table = fitted([[3, 4]], 2, 5)
    with pytest.raises(ExportError, match=": ARPA cannot represent this model: ") as caught:
        write_arpa(path, table, [*SPECIAL, "a", word])
    assert repr(word) in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_zero_probabilities_are_refused(tmp_path: Path, by_hand: Path) -> None:
    for k, index, gram in ((1, 0, "<unk>"), (3, 0, "a b </s>")):
        table, words = read_arpa(by_hand)
        table.log_probs[k - 1][index] = -np.inf
        with pytest.raises(ExportError, match=f"the probability of '{gram}' is zero"):
            write_arpa(tmp_path / "out.arpa", table, words)
    table, words = read_arpa(by_hand)
    table.backoffs[0][3] = -np.inf
    with pytest.raises(ExportError, match="the words unseen after 'a' have the probability zero; smooth the model"):
        write_arpa(tmp_path / "out.arpa", table, words)
    table, words = read_arpa(by_hand)
    table.unseen_backoff = -0.5
    with pytest.raises(ExportError, match="contexts outside the table have a backoff weight"):
        write_arpa(tmp_path / "out.arpa", table, words)


def test_a_weight_that_is_never_used_may_be_zero(tmp_path: Path) -> None:
    path = tmp_path / "full.arpa"
    table = fitted([[3], [3, 3], [0], [3, 0], []], 2, 4)
    at = 3
    assert np.count_nonzero(table.history[1] == at) == 3  # w3 is followed by all three words
    table.backoffs[0][at] = -np.inf
    write_arpa(path, table, word_names(4))
    assert "\tw3\t-99\n" in path.read_text()
    text = event_ids([[3, 0, 3, 3]])
    np.testing.assert_allclose(read_arpa(path)[0].score(text)[0], table.score(text)[0], rtol=1e-7)


def test_zero_probabilities_in_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "zero.arpa"
    path.write_text(BY_HAND.replace("-1.0\t<unk>", "-inf\t<unk>"))
    table, words = read_arpa(path)
    assert table.log_probs[0][0] == -np.inf
    with pytest.raises(ExportError, match="the probability of '<unk>' is zero"):
        write_arpa(path, table, words)


@pytest.mark.parametrize(
    ("number", "line"),
    [("-1e308", "-1.0\t<unk>"), ("-3.4028235e38", "-1.0\t<unk>")],
)
def test_the_largest_negative_numbers_are_zero_probabilities(tmp_path: Path, number: str, line: str) -> None:
    path = tmp_path / "zero.arpa"
    path.write_text(BY_HAND.replace(line, line.replace("-1.0", number)))
    assert read_arpa(path)[0].log_probs[0][0] == -np.inf


def test_the_largest_negative_backoff_weights_are_zero(tmp_path: Path) -> None:
    path = tmp_path / "zero.arpa"
    lines = BY_HAND.splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if line.startswith("-99") or "<s>\t-" in line)
    lines[at] = "\t".join([*lines[at].rstrip("\n").split("\t")[:2], "-1.7e308\n"])
    path.write_text("".join(lines))
    table, _ = read_arpa(path)
    assert table.backoffs[0][1] == -np.inf
    assert not np.isnan(table.score(event_ids([[0, 0], [3]]))[0]).any()


def test_number_of_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4 words for a table of 5 words"):
        write_arpa(tmp_path / "out.arpa", fitted([[3, 4]], 2, 5), word_names(4))


# --- files ------------------------------------------------------------------------------------------------------------


def test_an_interrupted_export_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, words = fitted([[3, 4]], 2, 5), word_names(5)
    path = tmp_path / "model.arpa"
    path.write_text("old")

    def interrupt(ngrams: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_arpa(path, table, words, advance=interrupt)
    assert path.read_text() == "old"

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match=r"model\.arpa: cannot be written \(No space left on device\)"):
        write_arpa(path, table, words)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["model.arpa"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    table, words = fitted([[3, 4]], 2, 5), word_names(5)
    with pytest.raises(ExportError, match="is a directory"):
        write_arpa(tmp_path, table, words)
    with pytest.raises(ExportError, match=r"cannot be written \(No such file or directory\)"):
        write_arpa(tmp_path / "missing" / "model.arpa", table, words)
    with pytest.raises(ExportError, match=r"written plain or as \.gz"):
        write_arpa(tmp_path / "model.arpa.xz", table, words)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither FIFOs nor links that anybody may make")
def test_links_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    table, words = fitted([[3, 4]], 2, 5), word_names(5)
    target, link, fifo = tmp_path / "target.arpa", tmp_path / "link.arpa", tmp_path / "fifo"
    link.symlink_to(target)
    write_arpa(link, table, words)
    assert link.is_symlink()
    assert target.read_text().startswith("\\data\\")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_arpa(fifo, table, words)
        assert os.read(reader, 1 << 16) == target.read_bytes()
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


# --- faults -----------------------------------------------------------------------------------------------------------


def changed(old: str, new: str) -> Callable[[], str]:
    def change() -> str:
        assert old in BY_HAND
        return BY_HAND.replace(old, new, 1)

    return change


FAULTS: dict[str, tuple[Callable[[], str], int | None, str]] = {
    "NaN": (changed("-0.5\ta", "nan\ta"), 10, "nan is not a log10 probability"),
    "NaN backoff": (changed("a\t-0.2", "a\tnan"), 10, "nan is not a log10 backoff weight"),
    "infinite backoff": (changed("a\t-0.2", "a\tinf"), 10, "inf is not a log10 backoff weight"),
    "positive log-probability": (changed("-0.4\t<s>", "0.4\t<s>"), 14, "0.4 is not a log10 probability"),
    "slightly positive": (changed("-0.25\t", "0.00001\t"), 21, "is not a log10 probability: it must be at most 0"),
    "infinite": (changed("-0.25\t", "Infinity\t"), 21, "inf is not a log10 probability"),
    "no number": (changed("-0.9\t", "minus\t"), 16, "'minus' is not a number"),
    "no number for a backoff": (changed("b\t-0.05", "b\tc"), 15, "'c' is not a number"),
    "underscore": (changed("-0.9\t", "-0_9\t"), 16, "'-0_9' is not a number"),
    "count too small": (
        changed("ngram 2=4", "ngram 2=3"),
        3,
        "the header declares 3 2-grams, but the file has 4: it is damaged or was edited",
    ),
    "count too large": (
        changed("ngram 1=5", "ngram 1=6"),
        2,
        "the header declares 6 1-grams, but the file has 5: it is damaged or was edited",
    ),
    "terabytes": (
        changed("ngram 2=4", "ngram 2=999999999999"),
        3,
        "n-grams of one order exceed the limit of 2147483646",
    ),
    "more than the file": (
        changed("ngram 2=4", "ngram 2=99999"),
        3,
        "the n-grams declared in the header need at least 600014 bytes, but the file has",
    ),
    "no count": (changed("ngram 2=4\n", ""), 3, "header line for order 3, expected order 2"),
    "count twice": (changed("ngram 2=4", "ngram 1=5"), 3, "header line for order 1, expected order 2"),
    "count for a missing section": (
        changed("ngram 3=2", "ngram 3=2\nngram 4=7"),
        24,
        "section: found .*end.*, expected .*4-grams:",
    ),
    "section without a count": (
        changed("ngram 3=2\n", ""),
        18,
        "missing or misplaced section: found .*3-grams:, expected .*end.*",
    ),
    "no counts": (
        lambda: "\\data\\\n" + BY_HAND[BY_HAND.index("\\1-grams") :],
        2,
        "the header has no sizes such as 'ngram 1=5000'",
    ),
    "negative count": (changed("ngram 2=4", "ngram 2=-4"), 3, "is not a header line such as 'ngram 1=5000'"),
    "huge count": (changed("ngram 2=4", "ngram 2=" + "9" * 5000), 3, "is not a header line such as 'ngram 1=5000'"),
    "huge order": (
        lambda: "\\data\\\n" + "".join(f"ngram {k}=1\n" for k in range(1, 200)),
        22,
        "orders above 20 are not supported",
    ),
    "huge backoff": (changed("a\t-0.2", "a\t1e308"), 10, "1e.308 is not a log10 backoff weight: it must be at most 99"),
    "huge backoff, never used": (changed("b </s>\n", "b </s>\t100\n"), 17, "100.0 is not a log10 backoff weight"),
    "backoff of a word": (
        changed("a\t-0.2", "a\t3"),
        10,
        "the log10 backoff weight 3 of 'a' leads to probability 199.5 for an unlisted word after it",
    ),
    "backoff of a bigram": (
        changed("a b\t-0.05", "a b\t3"),
        15,
        "the log10 backoff weight 3 of 'a b' leads to probability",
    ),
    "backoff of a suffix that is missing": (
        lambda: (
            BY_HAND.replace("b\t-0.1", "b\t0.7")
            .replace("-0.2\tb </s>\n", "")
            .replace("ngram 2=4", "ngram 2=3")
            .replace("-0.6\tb", "-0.4\tb")
            .replace("-0.7\t</s>", "-0.1\t</s>")
        ),
        11,
        "0.7 of 'b' leads to probability 3.981 for 'b </s>', a missing suffix .* line 20",
    ),
    "junk in the header": (
        changed("ngram 2=4", "bigrams 4"),
        3,
        "'bigrams 4' is not a header line such as 'ngram 1=5000'",
    ),
    "no end": (changed("\\end\\\n", ""), 22, "no .*end.* line: the file is truncated"),
    "cut in a section": (lambda: BY_HAND[: BY_HAND.index("-0.9\ta a")], 15, "no .*end"),
    "cut in a line": (lambda: BY_HAND[: BY_HAND.index("a a")], 16, "has 3 or 4 fields .* not 1"),
    "cut in the header": (
        lambda: "\\data\\\nngram 1=5\n",
        2,
        "the n-grams declared in the header need at least 20 bytes, but the file has 17: it is truncated or was edited",
    ),
    "text after the end": (lambda: BY_HAND + BY_HAND, 24, "text after .*end"),
    "section missing": (
        lambda: BY_HAND[: BY_HAND.index("\\2-")] + BY_HAND[BY_HAND.index("\\3-") :],
        13,
        "missing or misplaced section: found .*3-grams:, expected .*2-grams:",
    ),
    "sections in the wrong order": (
        lambda: BY_HAND.replace("\\2-", "\\9-").replace("\\3-", "\\2-").replace("\\9-", "\\3-"),
        13,
        "missing or misplaced section: found .*3-grams:, expected .*2-grams:",
    ),
    "section twice": (
        changed("\\3-grams:", "\\2-grams:"),
        19,
        "missing or misplaced section: found .*2-grams:, expected .*3-grams:",
    ),
    "unknown section": (changed("\\2-grams:", "\\bigrams:"), 13, "unexpected line .*: expected .*2-grams:"),
    "unigram twice": (changed("-0.6\tb", "-0.6\ta"), 11, "duplicate unigram 'a'"),
    "<unk> and <UNK>": (changed("-0.6\tb", "-0.6\t<UNK>"), 11, "duplicate unigram '<unk>'"),
    "bigram twice": (changed("-0.3\ta b", "-0.3\ta a"), 16, "duplicate 2-gram 'a a', first on line 15"),
    "trigram twice": (changed("-0.1\t<s> a b", "-0.1\ta b </s>"), 21, "duplicate 3-gram 'a b </s>', first on line 20"),
    "unknown word": (
        changed("-0.9\ta a", "-0.9\ta zebra"),
        16,
        "the word 'zebra' is not among the unigrams of the file",
    ),
    "unknown first word": (
        changed("a b </s>", "zebra b </s>"),
        21,
        "the word 'zebra' is not among the unigrams of the file",
    ),
    "<unk> that is no unigram": (
        lambda: BY_HAND.replace("-1.0\t<unk>\t0\n", "").replace("m 1=5", "m 1=4").replace("a a", "a <unk>"),
        15,
        "the word '<unk>' is not among the unigrams of the file",
    ),
    "context missing": (
        lambda: BY_HAND.replace("-0.3\ta b\t-0.05\n", "").replace("ngram 2=4", "ngram 2=3"),
        20,
        "the 3-gram 'a b </s>' has no context: 'a b' is missing",
    ),
    "no <s>": (
        lambda: BY_HAND.replace("-99\t<s>\t-0.3\n", "").replace("ngram 1=5", "ngram 1=4"),
        12,
        "no unigram <s>: it is required to score sentences",
    ),
    "no </s>": (
        lambda: BY_HAND.replace("-0.7\t</s>\n", "").replace("ngram 1=5", "ngram 1=4"),
        12,
        "no unigram </s>: it is required to score sentences",
    ),
    "too few fields": (changed("-0.9\ta a", "-0.9\ta"), 16, "has 3 or 4 fields .* not 2"),
    "too many fields": (changed("-0.9\ta a", "-0.9\ta a b c"), 16, "has 3 or 4 fields .* not 5"),
    "NUL": (changed("-0.9\ta a", "-0.9\ta \0"), 16, "NUL byte: the file is damaged or not an ARPA file"),
    "empty": (lambda: "", None, "no .*data.* line"),
    "text": (lambda: "It was a dark and stormy night.\n" * 5, None, "no .*data.* line"),
    "long text": (lambda: "It was a dark and stormy night.\n" * 300_000, None, "no .*data.* line"),
    "one long line": (lambda: "a " * 5_000_000, 1, "line too long: not an ARPA file"),
    "iARPA": (lambda: "iARPA\n\n" + BY_HAND, 1, "an IRSTLM iARPA file: convert it"),
    "KenLM binary": (lambda: "mmap lm http://kheafield.com/code format version 5\n\0", 1, "a KenLM binary"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_with_their_place(tmp_path: Path, fault: str) -> None:
    make, line, message = FAULTS[fault]
    path = tmp_path / "bad.arpa"
    path.write_bytes(make().encode())
    with pytest.raises(DataError, match=message) as caught:
        read_arpa(path)
    assert caught.value.source == str(path)
    assert caught.value.line == line
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.arpa"
    path.write_bytes(BY_HAND.replace("\tb", "\tä").replace(" b", " ä").encode("latin-1"))
    with pytest.raises(DataError, match=r"line 11: the word '\\\\xe4' is not UTF-8"):
        read_arpa(path)
    path.write_bytes(BY_HAND.encode("utf-16"))
    with pytest.raises(DataError, match="line 1: not an ARPA file but UTF-16 text"):
        read_arpa(path)
    path.write_bytes(np.random.default_rng(5).bytes(100_000))
    with pytest.raises(DataError, match=r"latin\.arpa"):
        read_arpa(path)


def test_compressed_files_that_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "bad.arpa.gz"
    whole = gzip.compress(BY_HAND.encode())
    path.write_bytes(whole[:-9])
    with pytest.raises(DataError, match="truncated"):
        read_arpa(path)
    flipped = bytearray(whole)
    flipped[-6] ^= 1
    path.write_bytes(bytes(flipped))
    with pytest.raises(DataError, match=r"no valid \.gz data"):
        read_arpa(path)
    path.write_text(BY_HAND)
    with pytest.raises(DataError, match=r"no valid \.gz data"):
        read_arpa(path)
    path.with_suffix("").write_bytes(whole)
    with pytest.raises(DataError, match=r"rename it to end in \.gz"):
        read_arpa(path.with_suffix(""))


def test_paths_that_lead_to_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="directory"):
        read_arpa(tmp_path)
    with pytest.raises(DataError, match=r"missing\.arpa"):
        read_arpa(tmp_path / "missing.arpa")


# --- KenLM ------------------------------------------------------------------------------------------------------------


def kenlm_model(path: Path) -> Any:
    kenlm = pytest.importorskip("kenlm", reason="the kenlm module is not installed")
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    return kenlm.Model(str(path), config)


def agree_with_kenlm(model: Any, table: BackoffTable, words: list[str], sentences: Sentences) -> None:
    ours, lengths = table.score(event_ids(sentences))
    theirs = []
    for sentence in sentences:
        # a word that KenLM does not know stands for <unk>
        theirs += list(model.full_scores(" ".join(words[id_] if id_ else "unheard-of" for id_ in sentence)))
    np.testing.assert_allclose(ours / LN10, [score for score, _, _ in theirs], atol=1e-5, rtol=0)
    np.testing.assert_array_equal(lengths, [length for _, length, _ in theirs])


@given(corpora(), st.integers(2, 6))
@settings(max_examples=25)
def test_kenlm_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, corpus: tuple[Sentences, int], order: int
) -> None:
    sentences, size = corpus
    words = word_names(size)
    path = tmp_path_factory.mktemp("arpa") / "model.arpa"
    table = fitted(sentences, order, size)
    write_arpa(path, table, words)
    texts = [*sentences, [], [0], [3, 0, 3], [3, 3, 3, 3], list(range(3, size))]
    agree_with_kenlm(kenlm_model(path), table, words, texts)


def test_kenlm_says_the_same_of_a_file_written_by_hand(by_hand: Path, tmp_path: Path) -> None:
    table, words = read_arpa(by_hand)
    sentences = [ids_of(words, sentence) for sentence in BY_HAND_SCORES]
    agree_with_kenlm(kenlm_model(by_hand), table, words, sentences)
    write_arpa(tmp_path / "again.arpa", table, words)
    agree_with_kenlm(kenlm_model(tmp_path / "again.arpa"), table, words, sentences)


def test_kenlm_says_the_same_of_chinese(tmp_path: Path) -> None:
    lines = ["我 喜欢 语言 模型", "语言 模型 喜欢 我", "我 喜欢 你", "你 喜欢 什么 ？", "什么 模型 ？", "𠮷 语言"]
    words = [*SPECIAL, *dict.fromkeys(word for line in lines for word in line.split())]
    sentences = [ids_of(words, line) for line in lines]
    table = fitted(sentences, 4, len(words))
    path = tmp_path / "zh.arpa"
    write_arpa(path, table, words)
    agree_with_kenlm(kenlm_model(path), table, words, [*sentences, [], [0, 3, 0]])


def test_kenlm_reads_words_with_odd_white_space(tmp_path: Path) -> None:
    words = [*SPECIAL, "a\x0bb", "c\x0c", "\u3000", "\x85\xa0", "\u2028"]
    table = fitted([[3, 4, 5, 6, 7], [4, 3]], 2, len(words))
    path = tmp_path / "odd.arpa"
    write_arpa(path, table, words)
    model = kenlm_model(path)
    assert all(word in model for word in words[3:])


@pytest.fixture(scope="module")
def penn(shared_data: Path) -> tuple[NDArray[np.int32], Sentences, list[str]]:
    """Training events, test sentences and words; ``<unk>`` is renamed so that it is a word like any other."""
    ids = {word: id_ for id_, word in enumerate(SPECIAL)}
    train: list[int] = []
    for line in (shared_data / "ptb" / "train.txt").read_text().replace("<unk>", "UNK").splitlines():
        train += [ids.setdefault(word, len(ids)) for word in line.split()]
        train.append(2)
    test = (shared_data / "ptb" / "test.txt").read_text().replace("<unk>", "UNK").splitlines()
    return np.array(train, np.int32), [[ids.get(word, 0) for word in line.split()] for line in test], list(ids)


@pytest.mark.parametrize(("order", "perplexity"), [(3, 148.2814995), (5, 141.1862071)])
def test_kenlm_says_the_same_of_the_penn_treebank(
    penn: tuple[NDArray[np.int32], Sentences, list[str]], tmp_path: Path, order: int, perplexity: float
) -> None:
    train, test, words = penn
    counts = count_ngrams(train, order, len(words))
    keep = [np.ones(len(level), bool) for level in counts.levels]
    table = BackoffTable.from_estimate(counts, estimate(counts, Options(keep=keep)), keep)
    assert math.exp(-table.score(event_ids(test))[0].mean()) == pytest.approx(perplexity, rel=1e-6)
    path = tmp_path / "ptb.arpa"
    write_arpa(path, table, words)
    agree_with_kenlm(kenlm_model(path), table, words, test)
    if order == 3:  # the longer one takes its time
        again, read_words = read_arpa(path, note=pytest.fail)
        assert read_words == words
        scores, _ = again.score(event_ids(test))
        assert math.exp(-scores.mean()) == pytest.approx(perplexity, rel=1e-6)
