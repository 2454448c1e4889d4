"""Readers of pairs of texts, and of vectors beside texts, under hostile input."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import strategies as st

from fuzz.mutations import mutated, mutated_tensors, number_changed
from fuzz.target import Target

PAIRS = {
    "tsv": ["source\ttarget\nthe cat\tdie Katze\n\n\ufeffa \"dog\"\t'ein' Hund\r\n好\t\u2028 \u0301x\n".encode()],
    "csv": [b'target,source,more\n"a, ""b""\nc",d,\ne,f,g\n'],
    "jsonl": [b'{"source": "a\\nb \\ud83d\\ude80", "target": "c", "id": [1]}\n\n{"target": "d", "source": "e"}\n'],
}
SIDES = [b"the cat\n\na dog\r\n\xe5\xa5\xbd\n", b"die Katze\n \t\n<s> Hund\ngut", b"1\n2\n"]
NUMBERS = {
    "tsv": [b"0.5 -1e3\tone\n 3\t4 \ttwo\r\n\n.5\t-0\tthree\n", b"1\ta\n2\tb\n"],
    "csv": [b'source,target\n1 2.5,one\n3 4 ,"two"\n'],
    "jsonl": [b'{"source": [ 0.5, -1 ], "target": "one"}\n{"target": "two", "source": [ 1e3 , 2]}\n'],
}
TEXTS = "one\ntwo\n"
MARKS = st.sampled_from(["error", "skip", "literal"])
OPTIONS = st.fixed_dictionaries({"errors": st.sampled_from(["strict", "replace", "ignore"]), "marks": MARKS})


def targets() -> Iterator[Target]:
    """The reader of each form."""
    forms = st.sampled_from(list(PAIRS))
    pairs = forms.flatmap(lambda form: st.tuples(st.just(form), mutated([*PAIRS[form], b""]), OPTIONS))
    yield Target("parallel texts", pairs, _read_pairs)
    yield Target("texts of two files", st.tuples(mutated(SIDES), mutated(SIDES), OPTIONS), _read_sides)
    numbers = forms.flatmap(lambda form: st.tuples(st.just(form), _numbers(form), OPTIONS))
    yield Target("vectors beside texts", numbers, _read_numbers)
    arrays = st.sampled_from(list(_arrays())).flatmap(lambda name: st.tuples(st.just(name), _edits(name)))
    yield Target("vectors in arrays", arrays, _read_array)


def _numbers(form: str) -> st.SearchStrategy[bytes]:
    return mutated([*NUMBERS[form], b""]) | number_changed(NUMBERS[form][0])


def _arrays() -> dict[str, bytes]:
    array = np.array([[0.5, -1, 3], [2, 4, 1e-3]], np.float32)
    plain, several = io.BytesIO(), io.BytesIO()
    np.save(plain, array)
    np.savez_compressed(several, x=array, y=array.astype(np.float64))
    header = json.dumps({"x": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    tensors = struct.pack("<Q", len(header)) + header + array.tobytes()
    return {"a.npy": plain.getvalue(), "a.npz": several.getvalue(), "a.safetensors": tensors}


def _edits(name: str) -> st.SearchStrategy[bytes]:
    data = _arrays()[name]
    if name == "a.safetensors":
        return mutated([data]) | mutated_tensors(data)
    pieces = [*(b"(2, 3)", b"(0, 3)", b"(" + b"9" * 30 + b",)", b"(2, 3, 0)", b"|O", b">f8", b"<f2", b"True", b"'")]
    return mutated([data]) | mutated([data], pieces)


def _check(data: Any) -> None:
    """What holds of all pairs that were read."""
    from nlmkit.text import TextPipeline

    assert len(data)
    assert all("\n" not in text and "\0" not in text for text in data.targets)
    assert all(text.strip() for text in data.targets)
    assert all("\n" not in note for note in data.notes)
    assert data.lines is not None
    assert (np.diff(data.lines) > 0).all()
    first, references = data.references()
    assert len(first) == len(references)
    assert sum(map(len, references)) == len(data)
    assert data.subset(np.arange(len(data))).digest == data.digest
    if data.has_vectors:
        assert np.isfinite(data.sources).all()
        assert data.sources.shape == (len(data), data.dimension)
        return
    assert all(text.strip() and "\n" not in text and "\0" not in text for text in data.sources)
    assert data.swapped().swapped().digest == data.digest
    for corpus in (data.source_corpus, data.target_corpus):
        assert corpus(TextPipeline()).sentences == len(data)


def _read_pairs(given: tuple[str, bytes, dict[str, Any]], folder: Path) -> None:
    from nlmkit.text.parallel import ParallelTexts

    form, content, options = given
    file = folder / "pairs"
    file.write_bytes(content)
    data = ParallelTexts.read(file, format=form, **options)
    with mock.patch("nlmkit.text.parallel_rows._BLOCK_BYTES", 7):
        assert ParallelTexts.read(file, format=form, **options).digest == data.digest
    assert data.targets is not None
    rows = zip(data.required_texts(), data.targets, strict=True)
    file.write_text("".join(json.dumps({"source": source, "target": target}) + "\n" for source, target in rows))
    assert ParallelTexts.read(file, format="jsonl").digest == data.digest
    _check(data)


def _read_sides(given: tuple[bytes, bytes, dict[str, Any]], folder: Path) -> None:
    from nlmkit.text.parallel import ParallelTexts

    sources, targets, options = given
    (folder / "sources").write_bytes(sources)
    (folder / "targets").write_bytes(targets)
    data = ParallelTexts.read(folder / "sources", target=folder / "targets", **options)
    assert len(data) <= sources.count(b"\n") + 1
    _check(data)


def _read_numbers(given: tuple[str, bytes, dict[str, Any]], folder: Path) -> None:
    from nlmkit.text.parallel import ParallelTexts

    form, content, options = given
    file = folder / "pairs"
    file.write_bytes(content)
    data = ParallelTexts.read_vectors(file, format=form, **options)
    rows = zip(data.required_vectors().tolist(), data.required_targets(), strict=True)
    file.write_text("".join(json.dumps({"source": source, "target": target}) + "\n" for source, target in rows))
    assert ParallelTexts.read_vectors(file, format="jsonl").digest == data.digest
    _check(data)


def _read_array(given: tuple[str, bytes], folder: Path) -> None:
    from nlmkit.text.parallel import ParallelTexts

    name, content = given
    (folder / name).write_bytes(content)
    (folder / "texts").write_text(TEXTS)
    data = ParallelTexts.read_vectors(folder / name, folder / "texts", key="x" if name == "a.npz" else None)
    if name != "a.safetensors":  # NumPy's own reader finds the same
        found = np.load(folder / name, allow_pickle=False)
        np.testing.assert_array_equal(
            data.required_vectors(), np.reshape(found["x"] if name == "a.npz" else found, (2, -1)).astype(np.float32)
        )
    _check(data)
