"""Automata read back by a reader of their own: the weights of paths are the log-probabilities of the model."""

import gzip
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import NGram
from nlmkit.errors import ExportError, HyperParameterError
from nlmkit.language_models.ngram.mixing import static_mix
from nlmkit.language_models.ngram.openfst import BackoffLabel

TEXT = [sentence.split() for sentence in ("a b c a b", "b c a", "a b c d", "", "d a b c a", "c c b")]
TEST = [sentence.split() for sentence in ("a b c", "", "d d a", "x a b", "c a b c d a", "b")]


class Automaton(NamedTuple):
    start: int
    arcs: dict[int, dict[int, tuple[int, int, float]]]
    finals: dict[int, float]
    labels: dict[str, int]


def read(path: Path, symbols: Path) -> Automaton:
    """Read an automaton; no state may have two arcs with one label."""
    arcs: dict[int, dict[int, tuple[int, int, float]]] = {}
    finals: dict[int, float] = {}
    start = None
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for line in content.decode().splitlines():
        fields = line.split("\t")
        source = int(fields[0])
        start = source if start is None else start
        arcs.setdefault(source, {})
        if len(fields) == 2:
            assert source not in finals
            finals[source] = float(fields[1])
            continue
        destination, label, output = map(int, fields[1:4])
        assert label not in arcs[source]
        arcs[source][label] = (destination, output, float(fields[4]))
    assert start is not None
    lines = [line.split(" ") for line in symbols.read_text("utf-8").splitlines()]
    return Automaton(start, arcs, finals, {word: int(number) for word, number in lines})


def walk(automaton: Automaton, sentence: list[str], backoff: str) -> float:
    """Weight of the path that backs off only where a state has no arc for the next word."""
    state, total = automaton.start, 0.0
    label_of_backoff = automaton.labels[backoff]
    for word in [*sentence, None]:
        label = None if word is None else automaton.labels.get(word, automaton.labels["<unk>"])
        while (label not in automaton.arcs[state]) if label is not None else (state not in automaton.finals):
            if label_of_backoff not in automaton.arcs[state]:
                return math.inf
            state, output, weight = automaton.arcs[state][label_of_backoff]
            assert output == 0
            total += weight
        if label is None:
            return total + automaton.finals[state]
        state, output, weight = automaton.arcs[state][label]
        assert output == label
        total += weight
    raise AssertionError


def weights_of(model: NGram, text: list[list[str]]) -> list[float]:
    return [-float(model.log_probs([sentence]).sum()) for sentence in text]


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=5), min_size=1, max_size=6),
    st.lists(st.lists(st.sampled_from("abcde"), max_size=5), min_size=1, max_size=4),
    st.integers(1, 5),
    st.sampled_from(("modified-kneser-ney", "witten-bell", "katz", "mle", "add-k")),
)
def test_weights_of_paths_are_log_probabilities(
    tmp_path_factory: pytest.TempPathFactory, text: list[list[str]], test: list[list[str]], order: int, smoothing: str
) -> None:
    folder = tmp_path_factory.mktemp("fst")
    model = NGram(order=order, smoothing=smoothing).fit(text)
    model.export(folder / "lm.fst.txt", "openfst")
    automaton = read(folder / "lm.fst.txt", folder / "words.txt")
    found = [walk(automaton, sentence, "#0") for sentence in test]
    np.testing.assert_allclose(found, weights_of(model, test), rtol=1e-6, atol=1e-7)


def test_layout_of_the_files(tmp_path: Path) -> None:
    model = NGram(order=2, smoothing="witten-bell").fit([["a", "b"], ["a"]])
    model.export(tmp_path / "lm.fst.txt")
    assert (tmp_path / "words.txt").read_text() == "<eps> 0\n<unk> 1\n<s> 2\n</s> 3\na 4\nb 5\n#0 6\n"
    automaton = read(tmp_path / "lm.fst.txt", tmp_path / "words.txt")
    assert automaton.start == 0
    # states: <s>, the empty context, a, b
    assert sorted({*automaton.arcs, *automaton.finals}) == [0, 1, 2, 3]
    probs = {word: math.exp(-weight) for word, (_, _, weight) in automaton.arcs[0].items()}
    assert probs[4] == pytest.approx(math.exp(model.next_log_probs(model.start())[model.vocabulary_.id("a")]))
    labels = {label for arcs in automaton.arcs.values() for label in arcs}
    assert labels == {1, 4, 5, 6}  # neither <s> nor </s>
    assert automaton.labels["#0"] not in automaton.arcs[1]  # the empty context backs off nowhere


@pytest.mark.parametrize("label", ["#0", "<eps>"])
def test_backoff_labels_symbols_and_compression(tmp_path: Path, label: BackoffLabel) -> None:
    model = NGram(order=3).fit(TEXT)
    model.export_openfst(tmp_path / "lm.fst.txt.gz", symbols=tmp_path / "isyms", backoff_label=label)
    assert not (tmp_path / "words.txt").exists()
    automaton = read(tmp_path / "lm.fst.txt.gz", tmp_path / "isyms")
    assert ("#0" in automaton.labels) == (label == "#0")
    np.testing.assert_allclose([walk(automaton, each, label) for each in TEST], weights_of(model, TEST), rtol=1e-7)


def test_pruned_imported_and_mixed_models(tmp_path: Path) -> None:
    model = NGram(order=4).fit(TEXT)
    model.export(tmp_path / "lm.arpa")
    text = (tmp_path / "lm.arpa").read_text()
    # weights of n-grams that nothing follows: legal, and part of the probability of what comes next
    edited = "\n".join(
        f"{line[: line.rindex(chr(9))]}\t-0.25" if line.endswith("\tc c\t0") or "\td\t" in line else line
        for line in text.splitlines()
    )
    assert edited.count("-0.25") >= 1
    (tmp_path / "edited.arpa").write_text(edited + "\n")
    mixed = static_mix([model, NGram(order=2).fit(TEST)], weights=[0.5, 0.5])
    for number, each in enumerate((model.pruned(0.01), NGram.from_arpa(tmp_path / "edited.arpa"), mixed)):
        symbols = tmp_path / f"{number}.words"
        each.export_openfst(tmp_path / "lm.fst.txt", symbols=symbols)
        automaton = read(tmp_path / "lm.fst.txt", symbols)
        found = [walk(automaton, sentence, "#0") for sentence in TEST + TEXT]
        np.testing.assert_allclose(found, weights_of(each, TEST + TEXT), rtol=1e-7)


def test_another_symbol_table_is_not_replaced_unless_named(tmp_path: Path) -> None:
    model, path, words = NGram(order=2).fit(TEXT), tmp_path / "lm.fst.txt", tmp_path / "words.txt"
    words.write_text("<eps> 0\n")
    with pytest.raises(ExportError, match=r"words\.txt: has other symbols; name the symbol table"):
        model.export(path, "openfst")
    assert not path.exists()
    model.export_openfst(path, symbols=words)
    model.export(path, "openfst")  # the same symbols
    with pytest.raises(ExportError, match="require two files"):
        model.export_openfst(path, symbols=path)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (NGram(order=2, smoothing="stupid-backoff").fit(TEXT), "contexts outside the table have a backoff weight"),
        (NGram(order=2).fit([["a", "<eps>"]]), "'<eps>' is a symbol of the automaton"),
        (NGram(order=2).fit([["#0"]]), "'#0' is a symbol of the automaton"),
        (NGram(order=2).fit([["a\vb"]]), "white space"),
    ],
)
def test_models_that_cannot_be_represented(model: NGram, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=problem):
        model.export(tmp_path / "lm.fst.txt", "openfst")
    assert [*tmp_path.iterdir()] == []


def test_zero_probabilities_of_longer_n_grams_are_refused(tmp_path: Path) -> None:
    model = NGram(order=2).fit(TEXT)
    model.table_.log_probs[1][3] = -np.inf
    with pytest.raises(ExportError, match="is zero, and the automaton would back off"):
        model.export(tmp_path / "lm.fst.txt", "openfst")


def test_other_labels_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(HyperParameterError, match="#0 or <eps>, not '#1'"):
        NGram(order=2).fit(TEXT).export_openfst(tmp_path / "lm.fst.txt", backoff_label="#1")  # type: ignore[arg-type]
