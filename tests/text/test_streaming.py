from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError
from nlmkit.text import Block, Corpus, TextPipeline, stream_blocks

from . import reference

texts = st.lists(st.sampled_from([*"ab \t\r\n\n\x85", "é", "\u2028", "\ufeff"]), max_size=60).map("".join)


def sentences_of(blocks: list[Block]) -> list[list[str]]:
    return [block.corpus.sentence(number) for block in blocks for number in range(block.corpus.sentences)]


@given(texts, st.integers(1, 4), st.sampled_from(["space", "char"]))
def test_blocks_together_are_the_corpus(text: str, max_lines: int, tokenizer: str) -> None:
    data = text.encode()
    pipeline = TextPipeline(tokenizer=tokenizer)
    blocks = list(stream_blocks(io.BytesIO(data), pipeline, max_lines=max_lines))
    lines = reference.lines_of(text.removeprefix("\ufeff"))
    assert sentences_of(blocks) == reference.read(data, tokenizer)
    assert [line for block in blocks for line in block.lines] == lines
    assert all(1 <= len(block.lines) == block.corpus.sentences <= max_lines for block in blocks)
    first_lines = [1 + sum(len(block.lines) for block in blocks[:number]) for number in range(len(blocks))]
    assert [block.first_line for block in blocks] == first_lines
    whole = Corpus.read(io.BytesIO(data), pipeline)
    assert sum(block.corpus.characters or 0 for block in blocks) == whole.characters
    assert sum(block.corpus.bytes or 0 for block in blocks) == whole.bytes


def test_each_block_stands_alone(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(b"A  b\r\nb <unk>\nc")
    one, two = stream_blocks(file, TextPipeline(lowercase=True), max_lines=2)
    assert one.lines == ["A  b\r", "b <unk>"]
    assert (one.corpus.types, one.corpus.ids.tolist()) == (("a", "b", "<unk>"), [0, 1, 1, 2])
    assert (two.lines, two.corpus.types, two.first_line) == (["c"], ("c",), 3)
    assert two.source == str(file)
    assert two.corpus.sources == (str(file),)
    assert two.corpus.pipeline == TextPipeline(lowercase=True)


def drain(blocks: Iterator[Block], out: list[str]) -> None:
    for block in blocks:
        out += block.lines


def _while_pipe_is_open(write: int, first: bytes, rest: bytes) -> tuple[threading.Event, threading.Thread]:
    """Writes `first` at once and `rest` only when the event is set, or after five seconds so that no test hangs."""
    event = threading.Event()

    def run() -> None:
        with os.fdopen(write, "wb", buffering=0) as stream:
            stream.write(first)
            event.wait(5)
            stream.write(rest)

    thread = threading.Thread(target=run)
    thread.start()
    return event, thread


@pytest.mark.parametrize(
    ("pipeline", "encoded"),
    [
        (TextPipeline(), str.encode),
        (TextPipeline(encoding="utf-16-le"), lambda text: text.encode("utf-16-le")),
        (TextPipeline(errors="replace"), str.encode),
    ],
)
@pytest.mark.parametrize("text", ["one two\nthr", "B\n", "P\nK\n", "\n"])
def test_a_complete_line_does_not_wait_for_more(
    pipeline: TextPipeline, encoded: Callable[[str], bytes], text: str
) -> None:
    read, write = os.pipe()
    complete = text.count("\n")
    event, thread = _while_pipe_is_open(write, encoded(text), encoded("ee\nfour"))
    with os.fdopen(read, "rb") as stream:
        blocks = stream_blocks(stream, pipeline)
        first = next(blocks)
        waited = event.is_set()
        event.set()
        remaining = list(blocks)
    thread.join()
    assert not waited
    assert first.lines == text.split("\n")[:complete]
    assert [line for block in remaining for line in block.lines] == [text.rpartition("\n")[2] + "ee", "four"]
    assert remaining[0].first_line == complete + 1


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs among Windows's files")
@pytest.mark.parametrize("packed", [False, True])
def test_a_fifo_gives_lines_as_they_come(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("fifo.gz" if packed else "fifo")
    os.mkfifo(path)
    pack = gzip.compress if packed else bytes
    opened: list[int] = []
    opener = threading.Thread(target=lambda: opened.append(os.open(path, os.O_WRONLY)))
    opener.start()
    blocks = stream_blocks(path)
    started: list[threading.Thread] = []

    def write() -> None:
        opener.join()
        event, thread = _while_pipe_is_open(opened[0], pack(b"a\n"), pack(b"b\n"))
        started.append(thread)
        events.append(event)

    events: list[threading.Event] = []
    writer = threading.Thread(target=write)
    writer.start()
    first = next(blocks)
    writer.join()
    events[0].set()
    rest = list(blocks)
    started[0].join()
    assert first.lines == ["a"]
    assert [line for block in rest for line in block.lines] == ["b"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb")))
    assert [block.lines for block in stream_blocks("-", max_lines=1)] == [["a"], ["b"]]


def test_several_sources_do_not_share_blocks(tmp_path: Path) -> None:
    one, two = tmp_path / "1.txt", tmp_path / "2.txt.gz"
    one.write_bytes(b"a\nb\n")
    two.write_bytes(gzip.compress(b"c\n"))
    assert [(block.source, block.first_line, block.lines) for block in stream_blocks([one, two])] == [
        (str(one), 1, ["a", "b"]),
        (str(two), 1, ["c"]),
    ]


@pytest.mark.parametrize(
    ("data", "line", "byte"), [(b"\xff", 5, 8), (b"\0", 5, 8), (b"x </s>\n", 5, None), (b"a\n<s>", 6, None)]
)
def test_faults_count_lines_across_blocks(data: bytes, line: int, byte: int | None) -> None:
    blocks = stream_blocks(io.BytesIO(b"a\nb\nc\nd\n" + data), max_lines=2)
    with pytest.raises(DataError) as caught:
        list(blocks)
    assert (caught.value.line, caught.value.byte) == (line, byte)


@pytest.mark.parametrize(
    ("fault", "encoding"),
    [
        ("\0", "utf-8"),
        ("\0", "utf-16-le"),
        ("</s>", "utf-8"),
        ("</s>", "gb18030"),
        (b"\xff", "utf-8"),
        (b"\xff\xff", "gb18030"),
        (b"\x00\xdc\x00\xdc", "utf-16-le"),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 100])
def test_all_lines_before_a_fault_come_out(
    fault: str | bytes, encoding: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nlmkit.text.corpus._STREAM_BYTES", size)
    data = "a\nb\n\nc\nd ".encode(encoding) + (fault.encode(encoding) if isinstance(fault, str) else fault)
    out: list[str] = []
    with pytest.raises(DataError) as caught:
        drain(stream_blocks(io.BytesIO(data + "\ne\n".encode(encoding)), TextPipeline(encoding=encoding)), out)
    assert out == ["a", "b", "", "c"]
    assert caught.value.line == 5


@pytest.mark.parametrize("fault", ["\0", "x\ny", "\ud800", "<s>", 3])
@pytest.mark.parametrize("max_lines", [1, 2, 100])
def test_all_given_lines_before_a_fault_come_out(fault: Any, max_lines: int) -> None:
    out: list[str] = []
    with pytest.raises(DataError) as caught:
        drain(stream_blocks(["a", "", "b", fault, "c"], max_lines=max_lines), out)
    assert out == ["a", "", "b"]
    assert caught.value.line == 4


def test_lines_and_token_lists_stream_too() -> None:
    taken = []

    def lines() -> object:
        for number in range(5):
            taken.append(number)
            yield f"line {number}"

    blocks = stream_blocks(lines(), max_lines=2)  # type: ignore[arg-type]
    assert next(blocks).lines == ["line 0", "line 1"]
    assert taken == [0, 1]
    assert [(block.first_line, len(block.lines)) for block in blocks] == [(3, 2), (5, 1)]
    tokens = list(stream_blocks([["a", "b"], [], ["c"]], max_lines=2))
    assert [block.lines for block in tokens] == [["a b", ""], ["c"]]
    assert [block.corpus.pipeline for block in tokens] == [None, None]
    with pytest.raises(DataError, match="sentence 3, token 1"):
        list(stream_blocks([["a"], ["b"], [""]], max_lines=2))


def test_nothing_gives_no_blocks() -> None:
    assert list(stream_blocks(io.BytesIO(b""))) == []
    assert list(stream_blocks([])) == []


def test_arguments_are_checked_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_lines"):
        stream_blocks(io.BytesIO(b"a"), max_lines=0)
    with pytest.raises(DataError, match="no such file"):
        stream_blocks(tmp_path / "missing")
