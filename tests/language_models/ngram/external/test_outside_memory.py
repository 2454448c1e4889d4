"""Fitting under a memory cap: the same bytes as in memory, and nothing left behind."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import NGram, RunOptions, load
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.ngram.external import fitting, outside, planning
from nlmkit.language_models.ngram.external.folders import Needs, remove_stale, working_folder
from nlmkit.language_models.ngram.external.planning import Plan
from nlmkit.language_models.ngram.external.store import Store
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.streamed import StreamedNames, StreamedText

METHODS = ("modified-kneser-ney", "kneser-ney", "absolute", "witten-bell", "add-k", "stupid-backoff", "mle")
LARGE = Plan(10**6, 10**6)
TEXT = [[f"w{(i * i + 7 * j) % 23}" for j in range(i % 9)] for i in range(60)]


def fitted_outside(model: NGram, text: Any, plan: Plan | None = LARGE) -> NGram:
    """Fit with the given sizes of chunks and parts."""
    usual = fitting.fit_outside_memory

    def planned(*args: Any, **options: Any) -> Any:
        return usual(*args, **options | {"planned": plan})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outside, "fit_outside_memory", planned)
        return model.fit(text, run=RunOptions(memory="512M", progress=None))


def assert_same(one: NGram, other: NGram) -> None:
    expected, found = one.table_.arrays(), other.table_.arrays()
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        assert (name, values.dtype, values.tobytes()) == (name, found[name].dtype, found[name].tobytes())
    assert one.fit_report_ == other.fit_report_
    assert one.fitted_state().metadata == other.fitted_state().metadata
    assert one.digest == other.digest


words = st.sampled_from(["a", "b", "c", "d", "<unk>", "中", "文"])
texts = st.lists(st.lists(words, max_size=9), min_size=1, max_size=15)


@settings(max_examples=20, deadline=None)
@given(
    text=texts,
    plan=st.builds(Plan, st.integers(15, 60), st.integers(10, 60)),
    order=st.integers(1, 6),
    smoothing=st.sampled_from(METHODS),
    data=st.data(),
)
def test_the_bytes_are_those_of_a_fit_in_memory(
    text: list[list[str]], plan: Plan, order: int, smoothing: str, data: st.DataObject
) -> None:
    options: dict[str, Any] = {"order": order, "smoothing": smoothing}
    if smoothing not in ("add-k", "mle"):
        steps = data.draw(st.lists(st.integers(0, 1), max_size=order - 1), label="steps")
        options["prune"] = (0, *np.cumsum(steps, dtype=int).tolist())
    options["precision"] = data.draw(st.sampled_from(["float64", "float32"]))
    options["vocabulary_size"] = data.draw(st.sampled_from([None, 2]))
    assert_same(NGram(**options).fit(text), fitted_outside(NGram(**options), text, plan))


@pytest.mark.parametrize("plan", [LARGE, Plan(90, 130)])
@pytest.mark.parametrize("text", [[["a"] * 300], [["a"]] * 40, [[]] * 5, TEXT, TEXT[:1]], ids=str)
def test_unusual_texts(text: list[list[str]], plan: Plan) -> None:
    assert_same(NGram(order=4).fit(text), fitted_outside(NGram(order=4), text, plan))


def test_given_discounts_and_factors() -> None:
    for options in (
        {"discounts": ((0.1, 0.2, 0.3), None, (0.5, 0.5, 0.5))},
        {"smoothing": "stupid-backoff", "backoff_factor": 0.7},
        {"smoothing": "add-k", "add_k": 0.25},
        {"smoothing": "absolute", "discounts": (0.3,), "min_count": 2},
    ):
        assert_same(
            NGram(order=3, **options).fit(TEXT),
            fitted_outside(NGram(order=3, **options), TEXT, Plan(60, 90)),
        )


def test_files_and_characters(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("中文 文本\n\n文本中的字\n" * 12, "utf-8")
    (tmp_path / "b.txt").write_text("A b\tC\r\nlast line", "utf-8")
    names = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    for pipeline in (TextPipeline(), TextPipeline(tokenizer="char", lowercase=True), TextPipeline(tokenizer="word")):
        in_memory = NGram(order=3).fit(Corpus.read_files(names, pipeline))
        streamed = StreamedText(StreamedNames(names), pipeline)
        assert_same(in_memory, fitted_outside(NGram(order=3), streamed, Plan(90, 120)))
        assert_same(in_memory, fitted_outside(NGram(order=3), Corpus.read_files(names, pipeline), Plan(90, 120)))


def test_the_saved_model_loads_and_scores(tmp_path: Path) -> None:
    fitted_outside(NGram(order=3), TEXT).save(tmp_path / "m")
    model = load(tmp_path / "m", NGram)
    assert model.perplexity(TEXT) == NGram(order=3).fit(TEXT).perplexity(TEXT)


def test_validation_text_is_scored() -> None:
    expected = NGram(order=3).fit(TEXT, valid=TEXT[:9]).fit_report_
    model = NGram(order=3).fit(iter(TEXT), valid=TEXT[:9], run=RunOptions(memory="512M"))
    assert model.fit_report_ == expected


@pytest.mark.parametrize("smoothing", ["katz", "jelinek-mercer"])
def test_methods_that_need_more_than_counts_are_refused(smoothing: str) -> None:
    with pytest.raises(HyperParameterError, match=f"^smoothing={smoothing} cannot be fitted under a memory cap: it "):
        NGram(smoothing=smoothing).fit(TEXT, valid=TEXT, run=RunOptions(memory="512M"))


def test_entropy_pruning_is_refused() -> None:
    with pytest.raises(HyperParameterError, match=r"^entropy_prune compares each n-gram with the whole table"):
        NGram(entropy_prune=1e-6).fit(TEXT, run=RunOptions(memory="512M"))


def test_a_tokenizer_that_is_trained_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a b\n")
    streamed = StreamedText(StreamedNames([str(tmp_path / "a.txt")]), TextPipeline(tokenizer="bpe:300"))
    with pytest.raises(DataError, match="is trained on the whole text, which a memory cap does not hold"):
        NGram(order=2).fit(streamed, run=RunOptions(memory="512M"))


def test_too_small_a_cap_says_what_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        HyperParameterError, match=r"^memory=20 MiB is too small for .* and order 5: at least (\S+) MiB"
    ):
        NGram().fit(TEXT, run=RunOptions(memory="20M"))
    with pytest.raises(HyperParameterError) as raised:
        planning.plan(1 << 20, 1000, 1000, 3)
    least = int(float(str(raised.value).split("at least ")[1].split()[0]) * 1024**2 * 1.01)
    assert planning.plan(least, 1000, 1000, 3).part_windows >= 1 << 16
    monkeypatch.setattr(planning, "TYPE_BYTES", 10 << 20)
    with pytest.raises(HyperParameterError, match=r"the vocabulary of 23 words so far takes about 230 MiB, more than "):
        NGram().fit(TEXT, run=RunOptions(memory="300M"))


def test_a_part_that_cannot_be_split_says_what_is_required() -> None:
    planning.check_parts(1 << 30, [100, 120], 3, Plan(10, 100))
    with pytest.raises(HyperParameterError, match="one pair of words makes up 50000000 of its events, and at least"):
        planning.check_parts(1 << 30, [50_000_000], 3, Plan(10, 10_000_000))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "temporary"


def failing_after(writes: int, error: BaseException) -> Callable[..., Any]:
    usual = Store.write
    left = iter(range(writes))

    def write(self: Store, name: str, arrays: Any) -> None:
        if next(left, None) is None:
            raise error
        usual(self, name, arrays)

    return write


@pytest.mark.parametrize("writes", [0, 1, 4, 7])
def test_a_full_disk_names_folder_and_need_and_loses_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    before = NGram(order=2).fit(TEXT[:5])
    before.save(tmp_path / "m")
    monkeypatch.setattr(Store, "write", failing_after(writes, OSError(errno.ENOSPC, "No space left on device")))
    model = NGram(order=3)
    with pytest.raises(DataError, match=r"too little room .* required; .*--temporary-folder") as raised:
        model.fit(TEXT, run=RunOptions(memory="512M", temporary_folder=folder))
    assert raised.value.source == str(folder)
    assert os.listdir(folder) == []
    assert load(tmp_path / "m", NGram).digest == before.digest
    assert not model.is_fitted


def test_room_is_checked_before_it_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("nlmkit.language_models.ngram.external.folders.shutil.disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=r"about \S+ KiB are required; .*; 1000 bytes are free"):
        NGram(order=3).fit(TEXT, run=RunOptions(memory="512M", temporary_folder=folder))
    assert os.listdir(folder) == []
    Needs(folder).check(1000)


def test_ctrl_c_removes_temporary_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "write", failing_after(5, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        NGram(order=3).fit(TEXT, run=RunOptions(memory="512M", temporary_folder=folder))
    assert os.listdir(folder) == []


def test_success_removes_temporary_files(folder: Path) -> None:
    model = NGram(order=3).fit(TEXT, run=RunOptions(memory="512M", temporary_folder=folder))
    assert os.listdir(folder) == []
    assert_same(NGram(order=3).fit(TEXT), model)


def test_folders_of_dead_processes_are_removed(tmp_path: Path) -> None:
    dead, alive, foreign = (tmp_path / f"nlmkit-fit-{name}" for name in ("0" * 16, "1" * 16, "notes"))
    for path in (dead, alive, foreign):
        path.mkdir()
        (path / "file").write_text("x")
    with FileLock(str(alive / ".lock")):
        remove_stale(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {alive.name, foreign.name}
    with working_folder(tmp_path) as (made, _):
        assert {path.name for path in tmp_path.iterdir()} == {made.name, foreign.name}
    assert [path.name for path in tmp_path.iterdir()] == [foreign.name]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be used for temporary files"):
        NGram().fit(TEXT, run=RunOptions(memory="512M", temporary_folder=tmp_path / "file"))


def codes(text: StreamedText) -> list[int]:
    pieces: Iterator[Sequence[int]] = (piece.tolist() for piece in text.codes(None))
    return [code for piece in pieces for code in piece]


def test_streamed_text_is_numbered_like_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("b a\n\nc a <unk>\n")
    corpus = Corpus.read(tmp_path / "a.txt")
    for source in (tmp_path / "a.txt", corpus, [["b", "a"], [], ["c", "a", "<unk>"]]):
        text = StreamedText(source)
        assert codes(text) == [1, 2, 0, 0, 3, 2, 4, 0]
        assert text.types == corpus.types
        assert text.type_counts().tolist() == corpus.type_counts().tolist()
        assert (text.tokens, text.sentences, text.events) == (5, 3, 8)
