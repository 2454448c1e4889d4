"""Tests of the language model ``kenlm``: the contract, agreement with nlmkit's own model, files of every kind."""

import bz2
import gzip
import lzma
import shutil
from pathlib import Path

import kenlm
import numpy as np
import pytest
from nlmkit import NGram, load
from nlmkit.plugin import Corpus, DataError, HyperParameterError, SavedModelError, TextPipeline, conformance, registered

from nlmkit_kenlm.model import KenLM
from nlmkit_kenlm.vocabulary import words_of_list

DATA = Path(__file__).parent / "data"
ARPA = DATA / "small.arpa"
BINARIES = ("probing.klm", "trie.klm")
TRAIN = (DATA / "train.txt").read_text(encoding="utf-8").splitlines()
TEST = ["the old dog sees the rain .", "老船长 听 小猫", "", "zyzzyva waits"]

MODELS = [
    KenLM(order=3),
    KenLM(order=2, prune=(0, 1)),
]

test_contract = conformance(*MODELS, tolerance=0.0, sum_tolerance=1e-6)


@pytest.fixture(scope="module")
def reference() -> NGram:
    """The model of the files, estimated by nlmkit."""
    return NGram(order=3).fit(TRAIN)


# ------------------------------------------------------------------------------------------------ agreement


def test_perplexity_is_that_of_nlmkits_own_model(reference: NGram) -> None:
    """Estimated in the same way, within 1e-5; and equal, not merely close, by both orders of the same file."""
    for order in (2, 3, 4):
        own, other = NGram(order=order).fit(TRAIN), KenLM(order=order).fit(TRAIN)
        for text in (TRAIN, TEST):
            assert other.perplexity(text) == pytest.approx(own.perplexity(text), rel=1e-5)
    assert KenLM(file=str(ARPA)).fit().perplexity(TEST) == KenLM(order=3).fit(TRAIN).perplexity(TEST)


@pytest.mark.parametrize("name", ["small.arpa", *BINARIES])
def test_every_format_gives_the_same_figures(name: str, reference: NGram) -> None:
    """All distributions of a text, and the vocabulary, whether it was read from ARPA or from the end of a binary."""
    model = KenLM(file=str(DATA / name)).fit()
    assert set(model.vocabulary_.words) == set(reference.vocabulary_.words)
    assert model.log_probs(TEST) == pytest.approx(reference.log_probs(TEST), abs=2e-6)
    order = [model.vocabulary_.id(word) for word in reference.vocabulary_.words]
    for found, expected in zip(model.distributions(TEST), reference.distributions(TEST), strict=True):
        np.testing.assert_allclose(found[:, order], expected, atol=2e-6)


def test_scores_are_kenlms_own() -> None:
    """Of a whole sentence, by the call that everybody uses."""
    model, direct = KenLM(file=str(ARPA)).fit(), kenlm.Model(str(ARPA))
    for line in TEST:
        found = float(model.log_probs([line]).sum()) / np.log(10)
        assert found == pytest.approx(direct.score(line), abs=1e-5)
        lengths = [length for _, length, _ in direct.full_scores(line)]
        assert model.event_details([line])["ngram_length"].tolist() == lengths


def test_a_quantised_model_says_that_it_is_no_distribution() -> None:
    """Eight bits a probability: close to the model, and its sum is told."""
    model = KenLM(file=str(DATA / "quantised.klm")).fit()
    assert model.perplexity(TEST) == pytest.approx(KenLM(file=str(ARPA)).fit().perplexity(TEST), rel=0.05)
    mass = float(np.exp(model.next_log_probs(model.start())).sum())
    assert model.fit_report_["format"] == "quantised, array-compressed trie"
    assert bool(model.fit_report_["notes"]) == (abs(mass - 1) > 1e-3)


def test_words_with_white_space_in_them_are_one_word() -> None:
    """A token may hold what KenLM's own splitting would split at."""
    model = KenLM(order=2).fit([["a", "b"], ["a", "c"]])
    assert len(model.log_probs([["a b", "a\x0bc"]])) == 3
    assert model.log_probs([["a b"]])[0] == model.log_probs([["zyzzyva"]])[0]


# ------------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("name", ["no-words.klm", "no-words-trie.klm"])
def test_a_binary_without_words_takes_them_from_a_list(name: str, tmp_path: Path) -> None:
    """The list is mapped back through the model, and must be whole."""
    with pytest.raises(DataError, match=r"built without its words, .* pass a file with one word per line"):
        KenLM(file=str(DATA / name)).fit()
    words = KenLM(file=str(ARPA)).fit().vocabulary_.words
    listed = tmp_path / "words.txt"
    listed.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    model = KenLM(file=str(DATA / name), words=str(listed)).fit()
    assert model.perplexity(TEST) == pytest.approx(KenLM(file=str(ARPA)).fit().perplexity(TEST), rel=1e-6)
    listed.write_text("".join(f"{word}\n" for word in words[:-1]), encoding="utf-8")
    with pytest.raises(DataError, match="has 22 words, but the model has 23 besides <unk>, <s> and </s>"):
        KenLM(file=str(DATA / name), words=str(listed)).fit()
    listed.write_text("the\nzyzzyva\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"1 of its 2 words, such as 'zyzzyva', are not in the model"):
        KenLM(file=str(DATA / name), words=str(listed)).fit()
    with pytest.raises(DataError, match=r"absent\.txt: cannot be read"):
        KenLM(file=str(DATA / name), words=str(tmp_path / "absent.txt")).fit()


@pytest.mark.parametrize(("suffix", "opener"), [("gz", gzip.open), ("bz2", bz2.open), ("xz", lzma.open)])
def test_a_compressed_arpa_file_is_read_and_stays_compressed(suffix: str, opener, tmp_path: Path) -> None:
    """In memory and in the saved model."""
    path = tmp_path / f"small.arpa.{suffix}"
    with opener(path, "wb") as file:
        file.write(ARPA.read_bytes())
    model = KenLM(file=str(path)).fit()
    assert model.perplexity(TEST) == KenLM(file=str(ARPA)).fit().perplexity(TEST)
    assert bytes(model.fitted_state().arrays["file"]) == path.read_bytes()


@pytest.mark.parametrize("name", ["small.arpa", "probing.klm", "trie.klm"])
def test_a_saved_model_needs_the_file_no_more(name: str, tmp_path: Path) -> None:
    """Its bytes are inside."""
    given = tmp_path / name
    shutil.copy(DATA / name, given)
    model = KenLM(file=str(given)).fit(Corpus.read(TRAIN, TextPipeline(lowercase=True)))
    with registered(KenLM):
        model.save(tmp_path / "saved")
        expected, digest = model.log_probs(TEST), model.digest
        given.unlink()
        (tmp_path / "saved").rename(tmp_path / "moved")
        again = load(tmp_path / "moved")
    assert (again.log_probs(TEST) == expected).all()
    assert (again.digest, again.pipeline_, again.unknown_rule) == (digest, TextPipeline(lowercase=True), "imported")
    assert again.file == str(given)


def test_a_text_beside_a_file_is_measured_against_it() -> None:
    """A wrong tokenizer shows at once."""
    report = KenLM(file=str(ARPA)).fit(["the dog", "The cat-fish"], valid=TEST).fit_report_
    assert (report["tokens"], report["unknown_tokens"], report["source"]) == (4, 2, "file")
    assert report["validation_perplexity"] == KenLM(file=str(ARPA)).fit().perplexity(TEST)


def test_what_is_no_kenlm_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Whatever is wrong with it."""
    binary, arpa = (DATA / "probing.klm").read_bytes(), ARPA.read_bytes()
    cases = {
        b"": "not an ARPA file",
        b"hello\nworld\n": "not an ARPA file",
        b"\\data\\\nngram 1=x\n": "line 2: no count",
        binary[:60]: "ends inside its header",
        binary[:100]: "ends inside its header|header is invalid",
        binary[:-1]: "words are missing|KenLM cannot load",
        binary[:1000]: "words are missing|do not begin|KenLM cannot load",
        binary.replace(b"version 5", b"version 4"): "version '4' of KenLM's binary format",
        arpa.replace(b"ngram 1=26", b"ngram 1=27"): "has 26 unigrams, but its header declares 27",
        arpa.replace(b"ngram 2=39", b"ngram 2=40"): "KenLM cannot load it",
        arpa.replace(
            b"ngram 2=39", b"ngram 2=1000000000000"
        ): r"line 3: .* declared in its header take at least 6\d{12} bytes",
        arpa.replace(b"ngram 2=39", b"ngram 2=" + b"9" * 5000): "line 3: .* declared in its header take at least",
        arpa.replace(b"\\end\\", b""): "KenLM cannot load it",
        arpa.replace(b"sailor", b"sail\xffr"): "is not UTF-8",
        b"\\data\\\nngram 1=3\n\n\\1-grams:\n-1\t<unk>\n0\t<s>\n-1\t</s>\n\n\\end\\\n": "unigram model",
    }
    path = tmp_path / "model"
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(DataError, match=message) as caught:
            KenLM(file=str(path)).fit()
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="No such file"):
        KenLM(file=str(tmp_path / "absent")).fit()


ODD = "\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u3000\u2028\u2029\u200b\xad\ufeff"


def test_only_space_tab_and_cr_separate(tmp_path: Path) -> None:
    """Not vertical tab, form feed or the spaces of Unicode: KenLM takes those for letters everywhere."""
    lines = [f"a{char}b c{char} {char}d" for char in ODD] + ["a b c", "a\tb\rc"]
    own = NGram(order=3).fit(lines)
    assert len(own.vocabulary_) == 3 + 3 * len(ODD) + 3
    estimated = KenLM(order=3).fit(lines)
    own.export(tmp_path / "odd.arpa")
    read = KenLM(file=str(tmp_path / "odd.arpa")).fit(lines)
    direct = kenlm.Model(str(tmp_path / "odd.arpa"))
    for model in (estimated, read):
        assert set(model.vocabulary_.words) == set(own.vocabulary_.words)
        assert model.perplexity(lines) == pytest.approx(own.perplexity(lines), rel=1e-5)
    assert all(word in direct for word in own.vocabulary_.words[3:])
    assert read.fit_report_["unknown_tokens"] == 0


def test_a_word_list_keeps_what_is_no_space(tmp_path: Path) -> None:
    """The words of a binary file without words, one per line, each as it is."""
    listed = tmp_path / "words.txt"
    listed.write_text("".join(f" \t{char}\r\n" for char in ODD) + " \n", encoding="utf-8", newline="\n")
    assert words_of_list(str(listed)) == list(ODD)


def test_a_backoff_weight_that_gives_more_than_one_is_refused(tmp_path: Path) -> None:
    """When it is met: KenLM itself takes it."""
    own = NGram(order=2).fit(["a b", "a c", "b c"])
    own.export(tmp_path / "m.arpa")
    text = (tmp_path / "m.arpa").read_text(encoding="utf-8")
    start = text.index("\ta\t") + 3
    text = text[:start] + "3" + text[text.index("\n", start) :]
    (tmp_path / "m.arpa").write_text(text, encoding="utf-8")
    model = KenLM(file=str(tmp_path / "m.arpa")).fit()
    with pytest.raises(DataError, match=r"m\.arpa: assigns a word the probability \d+\.?\d*: its backoff weights"):
        model.perplexity(["a a"])


def test_a_failed_fit_leaves_the_model_unfitted() -> None:
    """Nothing half-read stays behind."""
    model = KenLM(file=str(DATA / "no-words.klm"))
    with pytest.raises(DataError):
        model.fit()
    assert not model.is_fitted


def test_damage_in_a_saved_model_is_an_error(tmp_path: Path) -> None:
    """The structure is looked at even where hashes are not."""
    model = KenLM(file=str(ARPA)).fit()
    state = model.fitted_state()
    fresh = KenLM(file=str(ARPA))
    fresh.vocabulary_ = model.vocabulary_
    for content in (b"hello", bytes(state.arrays["file"])[:500]):
        broken = type(state)({"file": np.frombuffer(content, np.uint8)}, state.metadata)
        with pytest.raises(SavedModelError, match="damaged"):
            fresh.restore(broken)
    fresh.vocabulary_ = KenLM(order=2).fit(["a b"]).vocabulary_
    with pytest.raises(SavedModelError, match="damaged"):
        fresh.restore(state)


def test_options_that_contradict_each_other_are_refused() -> None:
    """Nothing is accepted and then ignored."""
    for model, data, message in (
        (KenLM(), None, "needs text to estimate a model from"),
        (KenLM(words="w"), TRAIN, "words requires file"),
        (KenLM(file=str(ARPA), order=3), None, "order applies to estimated models only"),
        (KenLM(file=str(ARPA), prune=(0, 1)), None, "prune applies to estimated models only"),
        (KenLM(file=str(ARPA), words="w"), None, "contains its words: omit words=w"),
    ):
        with pytest.raises(HyperParameterError, match=message):
            model.fit(data)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no file without end")
def test_a_list_of_words_without_end_is_refused() -> None:
    """Its first line is read to a limit and no further."""
    from nlmkit_kenlm.vocabulary import words_of_list

    with pytest.raises(DataError, match="/dev/zero, line 1: the line is too long"):
        words_of_list("/dev/zero")
