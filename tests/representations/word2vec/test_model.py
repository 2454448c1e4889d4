"""word2vec: gensim's vectors to the byte, long lines, an honest loss, and what is refused."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import gensim.models
import numpy as np
import pytest
from numpy.typing import NDArray

from nlmkit import DataError, HyperParameterError, NlmkitError, load
from nlmkit.core.run import RunOptions
from nlmkit.representations.word2vec.model import Word2Vec
from nlmkit.representations.word2vec.training import LONGEST, Sentences
from nlmkit.text import Corpus
from nlmkit.training.interruption import Terminated
from nlmkit.training.records import read_log


def sentences(count: int = 200, words: int = 30, seed: int = 0, length: int = 8) -> list[list[str]]:
    """Sentences in which words of near numbers stand together; some words are rare, and some lines empty."""
    random = np.random.default_rng(seed)
    starts = random.integers(0, words, count)
    made = [[f"w{(start + step) % words}" for step in random.integers(0, 6, length)] for start in starts]
    made[3:3] = [[], ["seldom", "w1", "w2", "once"], ["<unk>", "w5", "<unk>", "seldom"]]
    return made


def by_gensim(text: list[list[str]], **settings: Any) -> Any:
    return gensim.models.Word2Vec(text, **{"workers": 1, "seed": 1, "epochs": 2, "vector_size": 12} | settings)


def rows_as_gensim(model: Word2Vec, peer: Any) -> NDArray[np.float32]:
    """The model's vectors, in the order of gensim's words."""
    words = peer.wv.index_to_key
    assert set(words) == {word for word in model.vocabulary_.words if word in peer.wv}
    return model.matrix[model.vocabulary_.ids(words)]


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"sg": 1, "sample": 1e-4}),
    ({"sample": 0.0, "negative": 2, "ns_exponent": 0.5}, {"sg": 1, "sample": 0, "negative": 2, "ns_exponent": 0.5}),
    ({"architecture": "cbow", "sample": 1e-3}, {"sg": 0, "sample": 1e-3}),
    ({"architecture": "cbow", "cbow_mean": False, "sample": 0.01}, {"sg": 0, "cbow_mean": 0, "sample": 0.01}),
    ({"objective": "hierarchical-softmax", "sample": 0.01}, {"sg": 1, "hs": 1, "negative": 0, "sample": 0.01}),
    (
        {"architecture": "cbow", "objective": "hierarchical-softmax", "alpha": 0.05, "min_alpha": 0.01},
        {"sg": 0, "hs": 1, "negative": 0, "alpha": 0.05, "min_alpha": 0.01, "sample": 1e-4},
    ),
    (
        {"window": 2, "shrink_windows": False, "epochs": 3, "seed": 9, "sample": 0.01},
        {"sg": 1, "window": 2, "shrink_windows": False, "epochs": 3, "seed": 9, "sample": 0.01},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "theirs"), SETTINGS)
def test_vectors_are_those_of_gensim_called_directly(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    text = sentences(1500)  # more than one batch, so that the learning rate falls within an epoch
    model = Word2Vec(**{"dimension": 12, "epochs": 2, "min_count": 2} | ours).fit(text)
    peer = by_gensim(text, min_count=2, **theirs)
    assert peer.wv.vectors.tobytes() == rows_as_gensim(model, peer).tobytes()
    assert "once" not in model
    assert model.has_special() == (True, False, False)  # <unk> stands in the text twice
    assert not np.array_equal(peer.wv.vectors, by_gensim(text, min_count=2, **theirs | {"seed": 4}).wv.vectors)


def test_a_limited_vocabulary_is_that_of_gensim() -> None:
    text = sentences()
    model = Word2Vec(dimension=12, epochs=2, min_count=1, vocabulary_size=10, sample=0.01).fit(text)
    kept = {word for word in model.vocabulary_.words if word not in ("<s>", "</s>")}
    rule = gensim.utils.RULE_KEEP, gensim.utils.RULE_DISCARD
    peer = by_gensim(text, sg=1, sample=0.01, trim_rule=lambda word, count, least: rule[word not in kept])
    assert len(peer.wv) == 11  # with <unk>
    assert peer.wv.vectors.tobytes() == rows_as_gensim(model, peer).tobytes()


# -------------------------------------------------------------------------------------------------- long lines


def test_no_word_of_a_long_line_is_lost() -> None:
    random = np.random.default_rng(0)
    line = [f"w{word}" for word in random.integers(0, 20, 25_000)]
    text = [["w1", "w2"], line, ["w3"]]
    options: dict[str, Any] = {"dimension": 8, "epochs": 1, "min_count": 1, "sample": 0.0}
    model = Word2Vec(**options).fit(text)
    assert model.fit_report_["trained_words"] == [25_003]
    assert model.fit_report_["lines_divided"] == 1
    pieces = [["w1", "w2"], line[:10_000], line[10_000:20_000], line[20_000:], ["w3"]]
    peer = by_gensim(pieces, sg=1, sample=0, min_count=1, vector_size=8, epochs=1)
    assert peer.wv.vectors.tobytes() == rows_as_gensim(model, peer).tobytes()
    # What this is about: gensim itself trains on 10,000 words of the line.
    truncating = gensim.models.Word2Vec(vector_size=8, min_count=1, sample=0, sg=1, workers=1)
    truncating.build_vocab(text)
    assert truncating.train(text, total_examples=3, epochs=1) == (10_003, 25_003)


@pytest.mark.parametrize("at_once", [1, 7, 1 << 17])
def test_sentences_come_out_whole_and_in_pieces_that_fit(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.representations.word2vec.training._TOKENS_AT_ONCE", at_once)
    lengths = [0, 3, 0, 0, LONGEST, LONGEST + 1, 2 * LONGEST, 1, 0]
    ids = np.arange(sum(lengths), dtype=np.int32) % 5 - 1
    words = ("a", "b", "c", "d")
    made = Sentences(ids, np.cumsum([0, *lengths]), words)
    for _ in range(2):
        lists = list(made)
        assert [len(piece) for piece in lists] == [0, 3, 0, 0, LONGEST, LONGEST, 1, LONGEST, LONGEST, 1, 0]
        flat = [word for piece in lists for word in piece]
        assert flat == [words[id_] if id_ >= 0 else "" for id_ in ids.tolist()]
    assert len(made) == 11
    assert made.divided == 2
    assert list(Sentences(ids[:0], np.zeros(1, np.int64), words)) == []


# -------------------------------------------------------------------------------------------------------- loss


def from_table(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """What gensim's table of 1000 logistic values takes logits for: up to .024 less."""
    return (np.floor((logits + 6) * 83) / 1000 * 2 - 1) * 6


def loss_by_plain_gradient_descent(text: list[list[str]], peer: Any, epochs: int, window: int) -> list[float]:
    """Mean loss a word of each epoch: skip-gram with hierarchical softmax in float64, over gensim's own tree.

    Holds for a text of one batch without subsampling, with whole windows.
    """
    words, alpha, min_alpha = peer.wv.key_to_index, 0.025, 0.0001
    codes, points = peer.wv.expandos["code"], peer.wv.expandos["point"]
    fresh = gensim.models.Word2Vec(vector_size=peer.vector_size, min_count=1, sg=1, hs=1, negative=0, seed=peer.seed)
    fresh.build_vocab(text)
    vectors, nodes = fresh.wv.vectors.astype(np.float64), np.zeros((len(words), peer.vector_size))
    losses = []
    for epoch in range(epochs):
        rate = alpha - (alpha - min_alpha) * epoch / epochs
        loss, trained = 0.0, 0
        for sentence in text:
            rows = [words[word] for word in sentence]
            trained += len(rows)
            for i, centre in enumerate(rows):
                for j in range(max(0, i - window), min(len(rows), i + window + 1)):
                    if i == j:
                        continue
                    signs = 1 - 2.0 * codes[centre]
                    tree = nodes[points[centre]]
                    logits = tree @ vectors[rows[j]]
                    loss += np.log1p(np.exp(-from_table(signs * logits))).sum()
                    gradient = (1 - codes[centre] - 1 / (1 + np.exp(-from_table(logits)))) * rate
                    # Nodes of a path are distinct, and each is updated by the vector as it was before.
                    nodes[points[centre]] += np.outer(gradient, vectors[rows[j]])
                    vectors[rows[j]] += gradient @ tree
        losses.append(loss / trained)
    return losses


@pytest.mark.slow
def test_the_loss_of_each_epoch_is_that_of_plain_gradient_descent() -> None:
    text = [sentence for sentence in sentences(150, words=12) if sentence]
    options: dict[str, Any] = {"dimension": 10, "min_count": 1, "window": 3, "epochs": 3, "sample": 0.0}
    model = Word2Vec(objective="hierarchical-softmax", shrink_windows=False, **options).fit(text)
    peer = by_gensim(text, sg=1, hs=1, negative=0, vector_size=10, min_count=1, sample=0, shrink_windows=False)
    expected = loss_by_plain_gradient_descent(text, peer, 3, 3)
    assert model.fit_report_["losses"] == pytest.approx(expected, rel=1e-4)
    assert expected[0] > expected[1] > expected[2]


def test_the_losses_of_a_small_text_sum_to_the_one_that_gensim_reports() -> None:
    text = sentences(100)
    model = Word2Vec(dimension=12, epochs=3, min_count=1, sample=0.01).fit(text)
    peer = by_gensim(text, sg=1, epochs=3, min_count=1, sample=0.01, compute_loss=True)
    report = model.fit_report_
    total = sum(loss * words for loss, words in zip(report["losses"], report["trained_words"], strict=True))
    assert total == pytest.approx(peer.get_latest_training_loss(), rel=1e-4)
    assert peer.wv.vectors.tobytes() == rows_as_gensim(model, peer).tobytes()  # to ask for it changes nothing


def test_the_loss_does_not_saturate_as_a_float_does(monkeypatch: pytest.MonkeyPatch) -> None:
    text = sentences(3000)
    options: dict[str, Any] = {"dimension": 4, "epochs": 2, "min_count": 1, "sample": 0.0}
    expected = Word2Vec(**options).fit(text).fit_report_["losses"]
    # As if many epochs went before: what stands in gensim's counter would swallow what words add.
    before = gensim.models.Word2Vec.train

    def train(self: Any, *args: Any, **named: Any) -> Any:
        class Late:
            def __getattr__(self, name: str) -> Any:
                return lambda model: setattr(model, "running_training_loss", 2.0**40)

        named["callbacks"] = [Late(), *named["callbacks"]]
        return before(self, *args, **named)

    monkeypatch.setattr(gensim.models.Word2Vec, "train", train)
    assert Word2Vec(**options).fit(text).fit_report_["losses"] == expected


# ----------------------------------------------------------------------------------------------- reproducible


def test_equal_seeds_give_equal_bytes_and_others_do_not() -> None:
    text = sentences()
    options: dict[str, Any] = {"dimension": 8, "epochs": 2, "min_count": 1, "sample": 0.01}
    first, again, other = (Word2Vec(seed=seed, **options).fit(text) for seed in (3, 3, 4))
    assert first.digest == again.digest
    assert first.matrix.tobytes() == again.matrix.tobytes()
    assert not np.array_equal(first.matrix, other.matrix)


_FIT = """
import hashlib, sys
from nlmkit.representations.word2vec.model import Word2Vec
text = [line.split() for line in sys.stdin.read().splitlines()]
print(hashlib.sha256(Word2Vec(dimension=8, epochs=2, min_count=1).fit(text).matrix.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_the_hash_seed_of_the_process_makes_no_difference() -> None:
    text = sentences(50)
    model = Word2Vec(dimension=8, epochs=2, min_count=1).fit(text)
    result = subprocess.run(
        [sys.executable, "-c", _FIT],
        input="".join(" ".join(sentence) + "\n" for sentence in text),
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == hashlib.sha256(model.matrix.tobytes()).hexdigest()


def test_several_workers_train_every_word() -> None:
    text = sentences(3000)
    model = Word2Vec(dimension=8, epochs=2, min_count=1, sample=0.0).fit(text, run=RunOptions(workers=2))
    tokens = sum(map(len, text))
    assert model.fit_report_["workers"] == 2
    assert model.fit_report_["trained_words"] == [tokens, tokens]
    alone = Word2Vec(dimension=8, epochs=2, min_count=1, sample=0.0).fit(text)
    assert model.fit_report_["losses"] == pytest.approx(alone.fit_report_["losses"], rel=0.05)


def test_words_that_stand_together_become_alike() -> None:
    model = Word2Vec(dimension=20, min_count=5, sample=0.0, alpha=0.05, epochs=10).fit(sentences(600))
    near = np.mean([model.similarity(f"w{i}", f"w{i + 1}") for i in range(29)])
    far = np.mean([model.similarity(f"w{i}", f"w{(i + 15) % 30}") for i in range(30)])
    assert near > far + 0.3


# --------------------------------------------------------------------------------------------------------- run


class Watcher:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.total: float | None = None
        self.done = 0.0
        self.notes: list[str] = []

    def start(self, description: str, total: float | None = None) -> None:
        self.total, self.done = total, 0.0

    def advance(self, amount: float) -> None:
        self.done += amount

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_progress_and_log_tell_of_each_epoch(tmp_path: Path) -> None:
    text, watcher = sentences(2500), Watcher()
    run = RunOptions(progress=watcher, log=tmp_path / "log.jsonl")
    model = Word2Vec(dimension=8, epochs=3, min_count=1, sample=0.01).fit(text, run=run)
    assert watcher.total == watcher.done == 3 * sum(map(len, text))
    assert len(watcher.notes) == 3
    records = read_log(tmp_path / "log.jsonl")
    assert [record.metrics["loss"] for record in records] == model.fit_report_["losses"]
    assert [record.epoch for record in records] == [1, 2, 3]
    batches = -(-sum(map(len, text)) // 10_000)
    assert [record.step for record in records] == [batches, 2 * batches, 3 * batches]
    assert records[-1].lr == pytest.approx(model.min_alpha)
    assert all(record.seconds > 0 and record.speed for record in records)
    assert {(record.unit, record.gradient_norm, *record.metrics, *record.validation) for record in records} == {
        ("tokens", None, "loss")
    }
    assert f"loss {records[0].metrics['loss']:.3f}" in watcher.notes[0]


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_ctrl_c_says_that_nothing_is_kept(number: int, kind: type[BaseException], tmp_path: Path) -> None:
    class Strikes(Watcher):
        def note(self, text: str) -> None:
            super().note(text)
            if len(self.notes) == 2:
                signal.raise_signal(number)

    model, log = Word2Vec(dimension=8, epochs=50, min_count=1), tmp_path / "log.jsonl"
    with pytest.raises(
        kind, match="while gensim trained word2vec, which cannot be resumed: nothing is saved"
    ) as caught:
        model.fit(sentences(), run=RunOptions(progress=Strikes(), log=log))
    assert type(caught.value) is kind
    assert not model.is_fitted
    assert [record.epoch for record in read_log(log)] == [1, 2]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_error_in_a_worker_ends_the_training() -> None:
    class Broken(Watcher):
        def advance(self, amount: float) -> None:
            raise KeyboardInterrupt

    model = Word2Vec(dimension=8, epochs=50, min_count=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(sentences(5000), run=RunOptions(progress=Broken(), workers=2))
    assert not model.is_fitted


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    model = Word2Vec(dimension=8, epochs=2, min_count=1, architecture="cbow").fit(sentences())
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert isinstance(again, Word2Vec)
    assert np.array_equal(again.matrix, model.matrix)
    assert again.digest == model.digest
    assert again.get_params() == model.get_params()
    untimed = {key: value for key, value in model.fit_report_.items() if "second" not in key}
    assert again.fit_report_ == untimed


def test_words_of_a_file_that_the_text_lacks_have_no_vector(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("w1\nabsent\nw2\nw3\n", encoding="utf-8")
    model = Word2Vec(dimension=4, epochs=1, min_count=1, vocabulary_file=str(path)).fit(sentences())
    assert model.vocabulary_.words[3:] == ("w1", "absent", "w2", "w3")
    assert not model.matrix[4].any()
    assert model.matrix[[3, 5, 6]].any(axis=1).all()


# ---------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"objective": "hierarchical-softmax", "negative": 3},
            "negative=3 has no effect: it needs objective=",
        ),
        (
            {"objective": "hierarchical-softmax", "ns_exponent": 1.0},
            "ns_exponent=1.0 has no effect",
        ),
        ({"cbow_mean": False}, "cbow_mean=False has no effect: it needs architecture=cbow"),
        ({"alpha": 0.01, "min_alpha": 0.02}, r"min_alpha=0\.02 must not exceed alpha=0\.01"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        Word2Vec(min_count=1, **options).fit(sentences())


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "skipgram"},
        {"objective": "softmax"},
        {"dimension": 0},
        {"window": 0},
        {"negative": 0},
        {"sample": 1.0},
        {"sample": -0.1},
        {"epochs": 0},
        {"alpha": 0.0},
        {"alpha": float("inf")},
        {"seed": 2**32},
    ],
)
def test_wrong_values_are_refused_when_they_are_set(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(HyperParameterError, match=f"^{name} must be"):
        Word2Vec(**options)


def test_options_of_a_run_that_it_does_not_have_are_refused(tmp_path: Path) -> None:
    for options, message in (
        ({"budget_seconds": 60.0}, "does not support a time budget"),
        ({"checkpoint": tmp_path / "c", "resume": True}, "does not support checkpoints, because gensim cannot resume"),
        ({"device": "cuda"}, "trains on the CPU, not on cuda"),
        ({"precision": "bfloat16"}, "float32, not in bfloat16"),
    ):
        run = RunOptions(**options)  # type: ignore[arg-type]
        with pytest.raises(HyperParameterError, match=message):
            Word2Vec(min_count=1).fit(sentences(), run=run)
    with pytest.raises(HyperParameterError, match="validation text"):
        Word2Vec(min_count=1).fit(sentences(), valid=sentences())


@pytest.mark.parametrize("text", [[], [[], []], [["a"], ["b"], []]])
def test_texts_without_neighbours_are_refused(text: list[list[str]]) -> None:
    with pytest.raises(DataError, match=r"no line has two known words|the training text has no words"):
        Word2Vec(min_count=1).fit(text)
    with pytest.raises(DataError, match=r"no line has two known words|the training text has no words"):
        Word2Vec(min_count=1).fit(Corpus.read(text))


def test_a_minimum_count_that_leaves_no_word_is_refused() -> None:
    with pytest.raises(DataError, match="min_count=5 removes all words"):
        Word2Vec().fit([["a", "b"]])


@pytest.mark.parametrize("objective", ["negative-sampling", "hierarchical-softmax"])
@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
@pytest.mark.parametrize("text", [[["a", "a"]], [["a", "b"]], [["a", "b", "a"], []]])
def test_tiny_texts_are_trained_on(text: list[list[str]], architecture: str, objective: str) -> None:
    model = Word2Vec(min_count=1, dimension=3, epochs=2, sample=0.0, architecture=architecture, objective=objective)
    words = len({word for sentence in text for word in sentence})
    if words == 1 and objective == "hierarchical-softmax":
        with pytest.raises(DataError, match="needs two different words"):
            model.fit(text)
        return
    assert model.fit(text).matrix.shape == (words + 3, 3)
    assert np.isfinite(model.matrix).all()
    assert model.matrix[3:].any(axis=1).all()


def test_vectors_that_are_not_finite_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.representations.word2vec import training as word2vec_training

    def spoilt(self: Any, sentences: Any, alpha: float, inits: Any) -> tuple[int, int]:
        self.wv.vectors[0] = np.nan
        return 1, 1

    monkeypatch.setattr(word2vec_training.GensimWord2Vec, "_do_train_job", spoilt)
    with pytest.raises(NlmkitError, match=r"training diverged: a vector is not finite; try a lower alpha"):
        Word2Vec(dimension=4, epochs=1).fit([["a", "b"], ["b", "a"]] * 3)
