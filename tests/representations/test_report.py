"""Word similarity: correlations by hand and by scipy, intervals drawn anew, coverage counted, files refused by line."""

from __future__ import annotations

import gzip
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.representations import Sparse, ToyVectors, WithSubwords, angles, toy

from nlmkit.cli.output import to_json
from nlmkit.errors import DataError, HyperParameterError, NlmkitError, NotFittedError
from nlmkit.representations import report as similarity
from nlmkit.representations import word_sets
from nlmkit.representations.report import PairSet, evaluate, pair_sets, read_pairs, score, spearman, standard_pairs

stats = pytest.importorskip("scipy.stats", reason="rank correlations need scipy")

WORDS = {f"w{angle}": float(angle) for angle in range(0, 90)}


def made_up(pairs: int = 60, seed: int = 1) -> PairSet:
    """Pairs of w0 with other words: the similarity falls with their number, the judgements follow roughly."""
    random = np.random.default_rng(seed)
    judgements = np.round(np.arange(pairs, 0, -1) + random.normal(0, 15, pairs)).tolist()
    return PairSet(
        name="made-up", pairs=tuple(("w0", f"w{n}") for n in range(1, pairs + 1)), judgements=tuple(judgements)
    )


# ------------------------------------------------------------------------------------------------ correlations


def test_ties_take_their_average_rank() -> None:
    # Ranks 1 2.5 2.5 4 and 1 4 2.5 2.5: deviations -1.5 0 0 1.5 and -1.5 1.5 0 0; 2.25 / sqrt(4.5 · 4.5).
    assert float(spearman([1, 2, 2, 4], [1, 3, 2, 2])) == 0.5
    # Ranks 1.5 1.5 3 and 3 2 1: -0.75 - 0 - ... = (-.5·1 + -.5·0 + 1·-1) / sqrt(1.5 · 2).
    assert float(spearman([7, 7, 9], [3, 2, 1])) == pytest.approx(-1.5 / math.sqrt(3), rel=1e-15)


def test_only_the_order_matters() -> None:
    values = np.array([0.1, 0.9, 0.4, -0.3])
    assert float(spearman(values, np.exp(5 * values))) == 1
    assert float(spearman(values, -(values**3))) == -1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_it_is_scipys(values: list[tuple[int, int]]) -> None:
    a, b = zip(*values, strict=True)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert math.isnan(spearman(a, b))
    else:
        assert float(spearman(a, b)) == pytest.approx(float(stats.spearmanr(a, b).statistic), abs=1e-12)


def test_rows_are_correlated_row_by_row() -> None:
    random = np.random.default_rng(0)
    a, b = random.integers(0, 4, (2, 5, 9))
    both = spearman(a, b)
    assert both.shape == (5,)
    assert both.tolist() == [float(spearman(*rows)) for rows in zip(a, b, strict=True)]


# ---------------------------------------------------------------------------------------------------- evaluation


def test_the_score_is_the_correlation_of_similarities_with_judgements() -> None:
    pairs = made_up()
    report = evaluate(toy(angles(WORDS)), pairs, samples=0)
    (only,) = report.sets
    cosines = [math.cos(math.radians(n)) for n in range(1, 61)]
    expected = float(stats.spearmanr(pairs.judgements, cosines).statistic)
    assert only.spearman == pytest.approx(expected, abs=1e-12)
    assert 0.3 < expected < 0.95
    assert report.score == only.spearman
    assert (only.n, only.pairs, only.coverage, only.composed, only.interval) == (60, 60, 1.0, 0, None)


def test_coverage_counts_pairs_whose_two_words_are_known() -> None:
    known = {word: angle for word, angle in WORDS.items() if word not in ("w3", "w7", "w7")}
    pairs = made_up()
    more = PairSet(name="m", pairs=(*pairs.pairs, ("x", "y"), ("w1", "<s>")), judgements=(*pairs.judgements, 1, 2))
    (only,) = evaluate(toy(angles(known)), more, samples=0).sets
    assert (only.n, only.pairs) == (58, 62)
    assert only.coverage == 58 / 62
    rest = [n for n in range(1, 61) if n not in (3, 7)]
    judgements = [pairs.judgements[n - 1] for n in rest]
    expected = stats.spearmanr(judgements, [-n for n in rest]).statistic
    assert only.spearman == pytest.approx(float(expected), abs=1e-12)


def test_a_pair_that_occurs_twice_counts_twice() -> None:
    pairs = made_up(50)
    twice = PairSet(name="m", pairs=(*pairs.pairs, pairs.pairs[0]), judgements=(*pairs.judgements, 1.0))
    assert evaluate(toy(angles(WORDS)), twice, samples=0).sets[0].n == 51


@pytest.mark.parametrize("covered", [0, 49])
def test_fewer_than_fifty_pairs_are_refused(covered: int) -> None:
    few = toy(angles({f"w{n}": float(n) for n in range(covered + 1)}))
    with pytest.raises(
        DataError, match=rf"^made-up: both words are known for {covered} of 60 pairs, and a score needs at least 50"
    ):
        evaluate(few, made_up())
    (only,) = evaluate(few, made_up(), partial=True).sets
    assert (only.n, only.interval, math.isnan(only.spearman)) == (covered, None, True)
    assert only.problem.startswith(f"both words are known for {covered} of 60 pairs")
    enough = toy(angles({f"w{n}": float(n) for n in range(51)}))
    (only,) = evaluate(enough, made_up(), samples=0).sets
    assert (only.n, only.problem) == (50, "")


def test_the_mean_is_over_sets() -> None:
    one, other = made_up(60, seed=1), made_up(55, seed=2)
    representation = toy(angles(WORDS))
    report = evaluate(representation, [one, other], samples=0)
    assert report.score == pytest.approx((report.sets[0].spearman + report.sets[1].spearman) / 2)
    assert report.sets[0].spearman != report.sets[1].spearman
    assert score(representation, [one, other]) == report.score == representation.score([one, other])


def test_both_measures_order_unit_vectors_alike_and_others_not() -> None:
    vectors = {word: (n + 1) * np.array(vector) for n, (word, vector) in enumerate(angles(WORDS).items())}
    pairs = made_up()
    found = {measure: evaluate(toy(vectors), pairs, measure=measure, samples=0) for measure in ("cosine", "euclidean")}
    distances = [np.linalg.norm(np.float32(vectors["w0"]) - np.float32(vectors[f"w{n}"])) for n in range(1, 61)]
    expected = stats.spearmanr(pairs.judgements, np.negative(distances)).statistic
    assert found["euclidean"].score == pytest.approx(float(expected), abs=1e-12)
    assert found["euclidean"].measure == "euclidean"
    of_units = [evaluate(toy(angles(WORDS)), pairs, measure=measure, samples=0).score for measure in found]
    assert of_units[0] == of_units[1]


def test_the_case_of_pairs_is_that_of_the_text() -> None:
    pairs = made_up()
    upper = PairSet(name="m", pairs=tuple((a.upper(), b.title()) for a, b in pairs.pairs), judgements=pairs.judgements)
    lowered = toy(angles(WORDS), lowercase=True)
    report = evaluate(lowered, upper, samples=0)
    assert (report.score, report.lowercase) == (evaluate(lowered, pairs, samples=0).score, True)
    with pytest.raises(DataError, match="known for 0 of 60"):
        evaluate(toy(angles(WORDS)), upper)


def test_words_made_of_subwords_are_covered_and_said_to_be() -> None:
    known = {"w": 45.0, **{word: angle for word, angle in WORDS.items() if word != "w5"}}
    (only,) = evaluate(WithSubwords().set_vectors(angles(known)), made_up(), samples=0).sets
    assert (only.n, only.composed) == (60, 1)


def test_sparse_representations_are_scored_alike() -> None:
    dense, sparse = (cls().set_vectors(angles(WORDS)) for cls in (ToyVectors, Sparse))
    assert evaluate(sparse, made_up(), samples=0).score == evaluate(dense, made_up(), samples=0).score


def test_equal_similarities_have_no_correlation() -> None:
    report = evaluate(toy(dict.fromkeys(WORDS, (1.0, 1.0))), made_up())
    assert math.isnan(report.score)
    assert report.sets[0].interval is None
    text = to_json(report.to_dict())
    assert '"score": null' in text
    assert '"sets[0].spearman": "undefined (not a number)"' in text


def test_an_unfitted_representation_and_wrong_options_are_refused() -> None:
    with pytest.raises(NotFittedError):
        evaluate(ToyVectors(), made_up())
    for options in ({"samples": -1}, {"seed": True}, {"seed": 1.5}, {"measure": "dot"}):
        with pytest.raises(HyperParameterError, match=next(iter(options))):
            evaluate(toy(angles(WORDS)), made_up(), **options)  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------------- intervals


def test_the_interval_is_the_percentile_bootstraps() -> None:
    pairs = made_up()
    (only,) = evaluate(toy(angles(WORDS)), pairs, samples=200, seed=7).sets
    random = np.random.Generator(np.random.PCG64(7))
    drawn = random.integers(0, 60, (200, 60))
    judgements, similarities = np.array(pairs.judgements), -np.arange(60.0)
    values = [stats.spearmanr(judgements[row], similarities[row]).statistic for row in drawn]
    assert only.interval == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-12)
    assert only.interval is not None
    assert only.interval[0] < only.spearman < only.interval[1]


def test_the_interval_depends_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    representation = toy(angles(WORDS))

    def interval(sets: Any = None, **options: Any) -> Any:
        return evaluate(representation, sets or made_up(), **options).sets[-1].interval

    assert interval() == interval() == interval([made_up(50, seed=3), made_up()]) == interval(seed=0, samples=1000)
    assert interval(seed=1) != interval()
    expected = interval()
    monkeypatch.setattr(similarity, "_ENTRIES", 700)  # another number of blocks
    assert interval() == expected


# ---------------------------------------------------------------------------------------------------------- sets


def test_the_standard_sets_are_gensims() -> None:
    pytest.importorskip("gensim", reason="the standard sets require gensim")
    wordsim, simlex = pair_sets()
    assert [(each.name, len(each.pairs)) for each in (wordsim, simlex)] == [("wordsim353", 353), ("simlex999", 999)]
    assert wordsim.pairs[:2] == (("love", "sex"), ("tiger", "cat"))
    assert wordsim.judgements[:2] == (6.77, 7.35)
    assert simlex.pairs[0] == ("old", "new")
    assert simlex.judgements[0] == 1.58
    assert pair_sets("simlex999") == [simlex]
    assert wordsim.digest != simlex.digest


def test_reading_them_imports_no_gensim() -> None:
    pytest.importorskip("gensim", reason="the standard sets require gensim")
    code = (
        "import sys; from nlmkit.representations.report import pair_sets; pair_sets();"
        "sys.exit('gensim' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


def test_without_gensim_the_install_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_pairs.cache_clear()
    monkeypatch.setattr(word_sets.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NlmkitError, match=r"require gensim: pip install 'nlmkit\[representations\]'"):
        pair_sets()


def test_a_release_without_the_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gensim", reason="the standard sets require gensim")
    with pytest.raises(NlmkitError, match=r"the test data of the installed gensim has no nothing\.tsv: pass a file"):
        word_sets.packaged("nothing.tsv")


def test_files_are_read_with_comments_header_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(
        b"\xef\xbb\xbf# a comment\r\n\r\nWord 1\tWord 2\tHuman (mean)\r\n cat\tdog \t7.5\r\nnew york\tcity\t-1e0"
    )
    found = read_pairs(path)
    assert found.pairs == (("cat", "dog"), ("new york", "city"))
    assert found.judgements == (7.5, -1.0)
    assert found.name == str(path)
    packed = tmp_path / "pairs.tsv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert (read_pairs(packed).pairs, read_pairs(packed).digest) == (found.pairs, found.digest)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chinese_pairs(encoding: str, tmp_path: Path) -> None:
    rows = [("好", chr(0x4E00 + n), n / 10) for n in range(60)]
    path = tmp_path / "对.tsv"
    path.write_text("".join(f"{a}\t{b}\t{c}\n" for a, b, c in [("词", "词", "分数"), *rows]), encoding=encoding)
    representation = toy(angles({"好": 0.0, **{b: 89 - c for _, b, c in rows}}))
    report = evaluate(representation, str(path), samples=0, encoding=encoding)
    assert report.score == 1
    assert (report.sets[0].n, report.sets[0].name) == (60, str(path))


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("cat\tdog\t7\ncat dog 7\n", 2, "expected word<TAB>word<TAB>score, found 1 columns"),
        ("cat\tdog\t7\t8\n", 1, "expected word<TAB>word<TAB>score, found 4 columns"),
        ("# c\n\ncat\tdog\t7\ncat\t\t7\n", 4, "empty column: expected word<TAB>word<TAB>score"),
        ("cat\tdog\t7,5\n", 1, "the score '7,5' is not a finite number such as 7.35"),
        ("a\tb\tscore\na\tb\tscore\n", 2, "the score 'score' is not a finite number such as 7.35"),
        ("cat\tdog\tnan\n", 1, "the score 'nan' is not a finite number such as 7.35"),
        ("cat\tdog\tinf\n", 1, "the score 'inf' is not a finite number such as 7.35"),
        ("cat\tdog\t1e999\n", 1, "the score '1e999' is not a finite number such as 7.35"),
        ("cat\tdog\t7\ncat\td\0g\t7\n", 2, "NUL"),
    ],
)
def test_malformed_lines_are_refused_by_file_and_line(text: str, line: int, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_pairs(path)
    assert str(caught.value).startswith(f"{path}, line {line}")
    assert problem in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n", "a\tb\tscore\n"])
def test_a_file_without_pairs_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"pairs\.tsv: no pairs of words"):
        read_pairs(tmp_path / "pairs.tsv")


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.tsv").write_bytes(b"caf\xe9\tbar\t1\n")
    with pytest.raises(DataError, match=r"latin\.tsv, line 1, byte 3"):
        read_pairs(tmp_path / "latin.tsv")
    for missing in (tmp_path / "nothing", tmp_path):
        with pytest.raises(DataError, match=re.escape(str(missing))):
            read_pairs(missing)


def test_pairs_may_be_given_as_triples() -> None:
    pairs = made_up()
    triples = [(a, b, judgement) for (a, b), judgement in zip(pairs.pairs, pairs.judgements, strict=True)]
    representation = toy(angles(WORDS))
    assert score(representation, triples) == score(representation, pairs)
    assert pair_sets(triples)[0].digest == pairs.digest


@pytest.mark.parametrize(
    "data", [[], [1, 2], [("a", "b", 1.0), "file"], [("a", "b", "c")], [("a", 1, 2.0)], [("a", "b", math.nan)]]
)
def test_other_data_are_refused(data: Any) -> None:
    with pytest.raises(DataError):
        pair_sets(data)


def test_a_set_is_whole() -> None:
    with pytest.raises(DataError, match="1 pairs but 2 judgements"):
        PairSet(name="s", pairs=(("a", "b"),), judgements=(1.0, 2.0))
    with pytest.raises(DataError, match="no pairs"):
        PairSet(name="s", pairs=(), judgements=())


def test_a_corpus_is_no_file_of_pairs() -> None:
    with pytest.raises(DataError, match=r"^corpus:english/test: a corpus is text, and a file of word pairs"):
        read_pairs("corpus:english/test")
