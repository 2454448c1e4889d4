"""What is fuzzed: each reader of files, with good inputs to start from and what must hold of an input it accepts."""

from __future__ import annotations

import atexit
import bz2
import contextlib
import functools
import gzip
import lzma
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import strategies as st

from fuzz import parallel, plugin_readers, round_trips, tagged
from fuzz.folders import changes, put
from fuzz.mutations import mutated, number_changed
from fuzz.target import Target, check_scores, check_vectors

REGRESSOR = "tfidf-ridge"
RELEASE = Path(__file__).parents[1] / "releases" / "0.1"

TEXT = "the cat sat on the mat\nthe dog, 3.5 kg,\tran\n\n猫 坐 在 é 上\nthe cat ran\n"
MARKED = "the <s> cat\n<s>\n\0 </s>\0a\n"
LABELLED = {
    "tsv": b"good\ta fine film\nbad\tdull and\tcold\n\ngood\t\xe5\xa5\xbd\n",
    "csv": b'label,text\ngood,"a fine, warm\nfilm"\nbad,"say ""no"""\n',
    "jsonl": b'{"label": "good", "text": "fine"}\n{"label": 3, "text": ""}\n{"text": "x", "label": true}\n',
    "space": b"good a fine film\nbad dull\n",
}
NUMBERED = {
    "tsv": b"7\ta fine film\n-0.5\tdull and\tcold\n\n1e3\t\xe5\xa5\xbd\n",
    "csv": b'label,text\n 7 ,"a fine, warm\nfilm"\n-0.5,"say ""no"""\n',
    "jsonl": b'{"label": 7.5, "text": "fine"}\n{"label": "3", "text": ""}\n{"text": "x", "label": -1e3}\n',
    "space": b"7 a fine film\n-0.5 dull\n",
}
TOML = b'[fit]\ntokenizer = "word"\nlowercase = true\n\n[params]\norder = 3\nprune = [0, 1]\nadd_k = 0.5\n'
PAIRS = [b"word1\tword2\tscore\ntiger\tcat\t7.35\nbook\tpaper\t6.5\n", b"tiger,cat,7\nhorse,apple,3\n"]
COLUMNS = {
    "tsv": b"id\ttext\n1\tthe cat\n2\ta\tdog\r\n\n3\t\xe5\xa5\xbd\n",
    "csv": b'id,text,more\n1,"the, cat\nran",x\n2,"say ""no""",\r\n',
    "jsonl": b'{"id": 1, "text": "the cat"}\n{"text": "a\\ndog \\ud83d\\ude80", "id": null}\n',
}
CATALOGUE = b"""[a]
title = "A"
language = "en"
licence = "CC0"
source = "here"
size = "4 lines"
task = "language-modelling"
tokenizer = "word"
provider = "bundled"
format = "lines"
encoding = "utf-8"
splits = { train = ["a.txt"], test = ["*.txt"] }

[b]
title = "B"
language = "zh"
licence = "none"
source = "there"
size = "none"
task = "classification"
tokenizer = "space"
provider = "prepare"
prepare = "get it there"
"""
QUESTIONS = b": capitals\nathens greece baghdad iraq\n: family\nboy girl brother sister\n"
LOG = b'{"step": 25, "epoch": 0.5, "loss": 3.2, "perplexity": 24.5, "lr": 0.1, "seconds": 1.5}\n' * 3


def targets() -> Iterator[Target]:
    """All of them."""
    yield from _texts()
    yield from _tables()
    yield from tagged.targets()
    yield from parallel.targets()
    yield from _models()
    yield from _checkpoints()
    yield from _command_line()
    yield from round_trips.targets()
    yield from plugin_readers.targets()


# ------------------------------------------------------------------------------------------------------- texts


def pipelines(encoding: str = "utf-8") -> st.SearchStrategy[dict[str, Any]]:
    """Options of a text pipeline."""
    return st.fixed_dictionaries(
        {
            "encoding": st.just(encoding),
            "errors": st.sampled_from(["strict", "replace", "ignore"]),
            "tokenizer": st.sampled_from(["space", "word", "char"]),
            "unicode_form": st.sampled_from([None, "NFC", "NFKD"]),
            "lowercase": st.booleans(),
            "marks": st.sampled_from(["error", "skip", "literal"]),
        }
    )


ENCODINGS = ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-32", "gb18030", "big5", "shift_jis", "hz"]


def check_corpus(corpus: Any) -> None:
    """What holds of every text that was read."""
    assert corpus.events == corpus.tokens + corpus.sentences == int(corpus.event_offsets[-1])
    assert len(set(corpus.types)) == len(corpus.types)
    assert all(corpus.types), "an empty word"
    assert len(corpus.type_counts()) == len(corpus.types)


def _texts() -> Iterator[Target]:
    from nlmkit.text import Corpus, TextPipeline

    def plain(given: tuple[bytes, dict[str, Any]], folder: Path) -> None:
        data, options = given
        file = folder / "text.txt"
        file.write_bytes(data)
        corpus = Corpus.read(file, TextPipeline(**options))
        check_corpus(corpus)
        assert {"<s>", "</s>"}.isdisjoint(corpus.types)
        assert not any("\0" in word or "\n" in word for word in corpus.types)

    texts = st.sampled_from(ENCODINGS).flatmap(
        lambda encoding: st.tuples(
            mutated([TEXT.encode(encoding, "replace"), MARKED.encode(encoding, "replace"), b"", b"a"]),
            pipelines(encoding),
        )
    )
    yield Target("text", texts, plain)

    packers: Mapping[str, Callable[[bytes], bytes]] = {
        ".gz": functools.partial(gzip.compress, mtime=0),
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
    }
    with contextlib.suppress(ImportError):
        import zstandard

        packers = {**packers, ".zst": zstandard.ZstdCompressor().compress}

    def packed(given: tuple[str, bytes], folder: Path) -> None:
        suffix, data = given
        file = folder / f"text{suffix}"
        file.write_bytes(data)
        check_corpus(Corpus.read(file))

    def inputs(suffix: str) -> st.SearchStrategy[tuple[str, bytes]]:
        pack = packers[suffix]
        once = pack(TEXT.encode())
        return st.tuples(st.just(suffix), mutated([once, once + once, once + pack(b"more\n"), pack(b"\n" * 50_000)]))

    yield Target("compressed text", st.sampled_from(list(packers)).flatmap(inputs), packed)


# ------------------------------------------------------------------------------------------------------ tables


def _tables() -> Iterator[Target]:
    from nlmkit import NGram, Vectors
    from nlmkit.errors import MissingFileError
    from nlmkit.representations.analogies import read_questions
    from nlmkit.representations.report import read_pairs
    from nlmkit.text import Corpus, TextPipeline, Vocabulary, catalog
    from nlmkit.text.columns import TextColumn, read_tables, stream_tables
    from nlmkit.text.labelled import LabelledTexts
    from nlmkit.text.numbered import NumberedTexts
    from nlmkit.training.records import read_log

    def labelled(given: tuple[str, bytes], folder: Path) -> None:
        form, data = given
        file = folder / "texts"
        file.write_bytes(data)
        read = LabelledTexts.read(str(file), format=form)
        assert len(read.texts) == len(read.labels)
        assert all(len(label) > 0 for label in map(str, read.labels))

    def numbered(given: tuple[str, bytes], folder: Path) -> None:
        form, data = given
        file = folder / "texts"
        file.write_bytes(data)
        read = NumberedTexts.read(str(file), format=form)
        assert len(read.texts) == len(read.numbers)
        assert (np.abs(read.numbers) <= 1e100).all()

    forms = st.sampled_from(list(LABELLED)).flatmap(
        lambda form: st.tuples(st.just(form), mutated([LABELLED[form], b""]))
    )
    yield Target("labelled texts", forms, labelled)
    forms = st.sampled_from(list(NUMBERED)).flatmap(
        lambda form: st.tuples(st.just(form), mutated([NUMBERED[form], b""]))
    )
    yield Target("numbered texts", forms, numbered)

    def word_list(given: tuple[bytes, dict[str, Any]], folder: Path) -> None:
        data, options = given
        (folder / "words.txt").write_bytes(data)
        corpus = Corpus.read(["The cat", "sat é 猫 坐"], TextPipeline(**options))
        vocabulary = Vocabulary.from_corpus(corpus, file=str(folder / "words.txt"))
        assert list(vocabulary.words[:3]) == ["<unk>", "<s>", "</s>"]
        assert vocabulary.counts.sum() == corpus.events

    words = [b"the\ncat\nsat\n", "猫\nThe\nE\u0301\n".encode(), b"<unk>\n<s>\n</s>\nt\nh\n"]
    yield Target("word list", st.tuples(mutated(words), pipelines()), word_list)

    def text_column(given: tuple[str, bytes, str, dict[str, Any]], folder: Path) -> None:
        form, data, name, options = given
        file = folder / "table"
        file.write_bytes(data)
        pipeline, column = TextPipeline(**options), TextColumn(name, form)
        batches = list(stream_tables([str(file)], pipeline, column))
        for rows in batches:
            assert len(rows.texts) == len(rows.records) == len(rows.lines)
            assert all(len(values) == len(rows.texts) for values in rows.others.values())
            assert not any("\n" in text for text in rows.texts)
        corpus = read_tables([str(file)], pipeline, column)
        assert corpus.sentences == sum(len(rows.texts) for rows in batches)
        assert corpus.tokens == sum(rows.corpus(pipeline).tokens for rows in batches)

    columns = st.sampled_from(list(COLUMNS)).flatmap(
        lambda form: st.tuples(
            st.just(form),
            mutated([COLUMNS[form], b""]),
            st.sampled_from(["text", "text", "1", "2", "id", "", "99", "\u0662"]),
            pipelines(),
        )
    )
    yield Target("text column", columns, text_column)

    def catalogue(data: bytes, folder: Path) -> None:
        (folder / "catalog.toml").write_bytes(data)
        (folder / "a.txt").write_text(TEXT, encoding="utf-8")
        with mock.patch.object(catalog, "folder", return_value=folder):
            for entry in catalog.entries():
                for split in entry.splits:
                    with contextlib.suppress(MissingFileError):
                        found = catalog.resolve(f"{entry.name}/{split}")
                        for file in found if isinstance(found, list) else []:
                            assert file.resolve().is_relative_to(folder.resolve()), file
                        check_corpus(Corpus.read(f"corpus:{entry.name}/{split}"))

    yield Target("catalogue", mutated([CATALOGUE]), catalogue)

    def of_file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes, Path], None]:
        def run(data: bytes, folder: Path) -> None:
            (folder / name).write_bytes(data)
            read(folder / name)

        return run

    yield Target("word pairs", mutated(PAIRS), of_file("pairs.tsv", read_pairs))
    yield Target("analogy questions", mutated([QUESTIONS]), of_file("questions.txt", read_questions))
    yield Target("training log", mutated([LOG]), of_file("log.jsonl", read_log))

    arpa = arpa_file()

    def read_arpa(given: tuple[str, bytes], folder: Path) -> None:
        suffix, data = given
        file = folder / f"model.arpa{suffix}"
        file.write_bytes(gzip.compress(data, mtime=0) if suffix else data)
        round_trips.of_ngram(NGram.from_arpa(file), folder)

    yield Target(
        "ARPA",
        st.tuples(st.sampled_from(["", ".gz"]), st.one_of(mutated([arpa]), number_changed(arpa, keep=3))),
        read_arpa,
    )

    vectors = {
        "word2vec": b"3 2\nthe 0.5 1\ncat -1 2e-3\n\xe7\x8c\xab 1 0\n",
        "glove": b"the 0.5 1\ncat -1 2e-3\n. . . 0.1 0.2\n",
        "word2vec-binary": b"2 2\nthe " + np.array([1, 2], "<f4").tobytes() + b"\ncat " + b"\0" * 8 + b"\n",
    }

    def read_vectors(given: tuple[str | None, bytes], folder: Path) -> None:
        form, data = given
        file = folder / ("vectors.bin" if form == "word2vec-binary" else "vectors.txt")
        file.write_bytes(data)
        round_trips.of_vectors(Vectors.from_file(file, format=form), folder)

    def edits(form: str) -> st.SearchStrategy[bytes]:
        if form == "word2vec-binary":
            return mutated([vectors[form]])
        return mutated([vectors[form]]) | number_changed(vectors[form], keep=2 if form == "word2vec" else 0)

    kinds = st.sampled_from(list(vectors)).flatmap(lambda form: st.tuples(st.sampled_from([form, None]), edits(form)))
    yield Target("vectors", kinds, read_vectors)


@functools.cache
def regressor_folder() -> str:
    """A saved regressor, which the release does not have."""
    from nlmkit import TfidfRidge

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    texts, numbers = ["a warm and funny film", "dull , cold and long", "a long film"], [5, 1.5, 2]
    TfidfRidge().fit(texts, numbers).save(Path(folder) / REGRESSOR)
    return str(Path(folder) / REGRESSOR)


@functools.cache
def arpa_file() -> bytes:
    from nlmkit import load

    with tempfile.TemporaryDirectory() as folder:
        load(RELEASE / "ngram-modified-kneser-ney").export(Path(folder) / "model.arpa")  # type: ignore[attr-defined]
        return (Path(folder) / "model.arpa").read_bytes()


# ------------------------------------------------------------------------------------------------ saved models


def _models() -> Iterator[Target]:
    from nlmkit import load

    def read(given: tuple[str, str, Any], folder: Path) -> None:
        name, part, changed = given
        target = folder / "model"
        shutil.copytree(regressor if name == REGRESSOR else RELEASE / name, target)
        put(target, part, changed)
        model: Any = load(target)
        if model.kind == "language-model" and model.normalized:
            check_scores(model)
        elif model.kind == "classifier":
            found = model.predict_proba(["a fine film", ""])
            assert np.isfinite(found).all()
            np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-4)
        elif model.kind == "regressor":
            assert np.isfinite(model.predict(["a fine film", ""])).all()
        elif model.kind == "representation":
            check_vectors(model)

    regressor = Path(regressor_folder())
    yield Target("saved regressor", changes(regressor, REGRESSOR), read)
    names = [path.name for path in sorted(RELEASE.iterdir()) if path.is_dir()]
    yield Target("saved model", st.sampled_from(names).flatmap(lambda name: changes(RELEASE / name, name)), read)


# ------------------------------------------------------------------------------------------------- checkpoints

LINES = ["the cat sat on the mat", "the dog ran", "a cat ran", "a dog sat"] * 4


def _stopped(name: str) -> tuple[Any, tuple[Any, ...]]:
    """A component to fit, small, and the arguments of ``fit``."""
    from nlmkit.core import registry

    settings: dict[str, dict[str, Any]] = {
        "lstm": {"embedding": 3, "hidden": 3, "batch": 2, "bptt": 4, "epochs": 2},
        "cnn": {"embedding": 3, "maps": 2, "epochs": 2, "batch": 4, "valid_share": 0.25},
        "glove": {"dimension": 2, "epochs": 3, "min_count": 1},
    }
    data = (LINES, ["x", "y", "x", "y"] * 4) if name == "cnn" else (LINES,)
    return registry.get(name)(**settings[name]), data


@functools.cache
def _checkpoint(name: str) -> Path:
    """A checkpoint of a run that was stopped in its middle; kept for the length of the process."""
    from nlmkit import RunOptions

    class Stop:
        calls = 0

        def start(self, description: str, total: float | None = None) -> None:
            pass

        def advance(self, amount: float) -> None:
            pass

        def note(self, text: str) -> None:
            Stop.calls += 1
            if Stop.calls == (3 if name == "cnn" else 2):  # after its first epoch
                raise KeyboardInterrupt

    folder = Path(tempfile.mkdtemp(prefix="nlmkit-fuzz-")) / "checkpoint"
    component, data = _stopped(name)
    with contextlib.suppress(KeyboardInterrupt):
        component.fit(*data, run=RunOptions(checkpoint=folder, checkpoint_seconds=1e-9, progress=Stop()))
    assert (folder / "manifest.json").exists(), f"{name}: no checkpoint to start from"
    return folder


def _checkpoints() -> Iterator[Target]:
    from nlmkit import RunOptions

    def resume(given: tuple[str, str, Any], folder: Path) -> None:
        name, part, changed = given
        target = folder / "checkpoint"
        shutil.copytree(_checkpoint(name), target)
        put(target, part, changed)
        component, data = _stopped(name)
        component.fit(*data, run=RunOptions(checkpoint=target, resume=True))
        component.save(folder / "saved")

    names = st.sampled_from(["lstm", "cnn", "glove"])
    yield Target("checkpoint", names.flatmap(lambda name: changes(_checkpoint(name), name)), resume)


# ------------------------------------------------------------------------------------------------ command line


def _command_line() -> Iterator[Target]:
    from click.testing import CliRunner

    from nlmkit.cli.group import nlmkit
    from nlmkit.errors import NlmkitError

    def invoke(arguments: Sequence[str]) -> None:
        result = CliRunner().invoke(nlmkit, list(arguments))
        assert "internal error" not in result.stderr, result.stderr
        assert result.exit_code in (0, 1, 2), f"exit code {result.exit_code}: {result.exception!r}"
        assert not any(ord(char) < 32 and char != "\n" for char in result.stderr), "a raw control character on stderr"
        if result.exit_code:
            raise NlmkitError(result.stderr.rstrip().rpartition("\n")[2] if result.exit_code == 2 else result.stderr)

    def config(data: bytes, folder: Path) -> None:
        (folder / "run.toml").write_bytes(data)
        (folder / "base.txt").write_text(TEXT, encoding="utf-8")
        invoke(
            ["fit", "ngram", str(folder / "base.txt"), "-o", str(folder / "m"), "--config", str(folder / "run.toml")]
        )

    yield Target("config.toml", mutated([TOML]), config)

    def parameter(given: tuple[str, str, bytes], folder: Path) -> None:
        component, name, value = given
        text = value.decode("utf-8", "replace").replace("\0", "")
        invoke(["fit", component, str(folder / "missing.txt"), "-o", str(folder / "m"), "-p", f"{name}={text}"])

    parameters = st.tuples(
        st.sampled_from(["ngram", "lstm", "lsa", "cnn", "mixture"]),
        st.sampled_from(["order", "prune", "discounts", "dropout", "representation", "seed", "weights", "min_count"]),
        mutated([b"3", b"0.5", b"[0, 1]", b"[[0.5, 1, 1.5], null]", b"none", b"true", b'"x"']),
    )
    yield Target("-p key=value", parameters, parameter)
