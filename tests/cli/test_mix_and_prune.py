"""``nlmkit mix``, ``nlmkit prune`` and automata of ``nlmkit export``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import Run
from nlmkit import NGram, RunOptions, load
from nlmkit.language_models.ngram.mixing import static_mix
from nlmkit.text import Corpus, TextPipeline

NEWS = "The cat sat\nthe dog sat on the mat\n"
TALK = "a dog ran\nthe mat ran\n\n"
VALID = "the cat ran\na mat\n"


@pytest.fixture
def models() -> tuple[NGram, NGram]:
    """Two models, saved as ``news`` and ``talk``; the second also as ``talk.arpa.gz``."""
    for name, text in (("news", NEWS), ("talk", TALK), ("valid", VALID)):
        Path(f"{name}.txt").write_text(text)
    pipeline = TextPipeline(lowercase=True)
    news = NGram(order=3).fit(Corpus.read("news.txt", pipeline))
    talk = NGram(order=2).fit(Corpus.read("talk.txt", pipeline))
    news.save("news")
    talk.save("talk")
    talk.export("talk.arpa.gz", run=RunOptions(progress=None))
    return news, talk


def test_mixing_saved_models_and_arpa_files(run: Run, models: tuple[NGram, NGram]) -> None:
    told = json.loads(run("mix", "news", "talk", "--valid", "valid.txt", "-o", "mixed", "--json").stdout)
    expected = static_mix(models, valid="valid.txt")
    mixed = load("mixed", NGram)
    assert mixed.digest == expected.digest == told["digest"]
    assert told["fit"]["weights"] == expected.fit_report_["weights"]
    result = run("mix", "news", "talk.arpa.gz", "--weights", "0.25,.75", "--unknown", "zero", "-o", "mixed")
    assert "words unknown to model 1: 2, and each gets nothing from it" in result.stderr
    expected = static_mix(models, weights=(0.25, 0.75), unknown="zero")
    mixed = load("mixed", NGram)
    assert mixed.pipeline_.lowercase
    np.testing.assert_allclose(mixed.log_probs("news.txt"), expected.log_probs("news.txt"), rtol=1e-6)
    assert "unk:mixed" in run("perplexity", "mixed", "news.txt").stdout


def test_pruning_to_a_size_and_by_a_threshold(run: Run, models: tuple[NGram, NGram]) -> None:
    news, talk = models
    told = json.loads(run("prune", "news", "--to", "20", "-o", "small", "--json").stdout)
    small = load("small", NGram)
    assert sum(told["fit"]["ngrams"]) == sum(small.table_.sizes) == 20
    assert small.digest == news.pruned(to=20).digest
    run("prune", "news", "--threshold", "0.05", "-o", "small")
    assert load("small").digest == news.pruned(0.05).digest
    run("prune", "talk.arpa.gz", "--to", "12", "-o", "small")
    assert sum(load("small", NGram).table_.sizes) == 12 < sum(talk.table_.sizes)
    run("fit", "ngram", "news.txt", "-o", "fitted", "-p", "order=3", "-p", "prune_to=20", "--lowercase")
    assert sum(load("fitted", NGram).table_.sizes) == 20


def test_automata(run: Run, models: tuple[NGram, NGram]) -> None:
    del models
    assert run("export", "news", "lm.fst.txt").output == ""
    assert Path("words.txt").read_text().startswith("<eps> 0\n<unk> 1\n")
    by_name = Path("lm.fst.txt").read_text()
    run("export", "news", "other", "--format", "openfst", "--symbols", "isyms", "--backoff-label", "#0")
    assert Path("other").read_text() == by_name
    assert Path("isyms").read_text() == Path("words.txt").read_text()
    run("export", "news", "lm.fst.txt", "--symbols", "words.txt", "--backoff-label", "<eps>")
    assert "#0" not in Path("words.txt").read_text()
    told = run("export", "talk", "lm.fst.txt", code=1).stderr
    assert told == "nlmkit: words.txt: has other symbols; name the symbol table to write or replace (--symbols FILE)\n"


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        ("mix news talk -o m", 2, "either --valid FILE or --weights NUMBERS"),
        ("mix news talk --valid valid.txt --weights .5,.5 -o m", 2, "either --valid FILE or --weights NUMBERS"),
        ("mix news talk --weights a,b -o m", 2, "such as 0.7,0.3, not 'a,b'"),
        ("mix news talk --weights .5,.5", 2, "missing MODEL (-o)"),
        ("mix news --weights 1 -o m", 1, "at least two models, not 1"),
        ("mix news talk --weights .5,.6 -o m", 1, "sum to 1, not 0.5, 0.6"),
        ("mix news talk --weights .5,.5 -o news", 1, "-o news is the same as news"),
        ("mix news none.arpa --weights .5,.5 -o m", 1, "none.arpa"),
        ("mix news news.txt --weights .5,.5 -o m", 1, "news.txt"),
        ("prune news -o m", 2, "either --to SIZE or --threshold NUMBER"),
        ("prune news --to 20 --threshold 1 -o m", 2, "either --to SIZE or --threshold NUMBER"),
        ("prune news --to 20", 2, "missing MODEL (-o)"),
        ("prune news --to 20X -o m", 1, "the size to prune to must be a number of n-grams"),
        ("prune news --to 3 -o m", 1, "cannot be pruned to 3"),
        ("prune news --threshold -1 -o m", 1, "pruning threshold must be a finite number"),
        ("export news news.arpa --symbols words.txt", 2, "are for the format openfst"),
        ("export news lm.fst.txt --symbols lm.fst.txt", 1, "are both lm.fst.txt"),
        ("import lm.fst.txt -o m --format openfst", 2, "openfst"),
    ],
)
def test_refusals(args: str, code: int, told: str, run: Run, models: tuple[NGram, NGram]) -> None:
    del models
    assert told in run(*args.split(), code=code).stderr
    assert not Path("m").exists()


def test_models_of_other_kinds_are_refused(run: Run, model: str, models: tuple[NGram, NGram]) -> None:
    del models
    assert "toy-recency" in run("mix", "news", model, "--weights", ".5,.5", "-o", "m", code=1).stderr
    refused = run("export", model, "lm.fst.txt", "--backoff-label", "#0", code=1).stderr
    assert refused.endswith("toy-recency has no options for openfst: drop --symbols and the like\n")
    run("fit", "toy-scorer", "news.txt", "-o", "scorer")
    refused = run("export", "scorer", "lm.fst.txt", code=1).stderr
    assert refused == "nlmkit: scorer: toy-scorer cannot be written as openfst\n"
