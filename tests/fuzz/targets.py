"""What is fuzzed: each reader of files, with good inputs to start from and what must hold of an input it accepts."""

from __future__ import annotations

import bz2
import contextlib
import functools
import gzip
import hashlib
import json
import lzma
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fuzz.mutations import mutated, mutated_json, mutated_tensors

RELEASE = Path(__file__).parents[1] / "releases" / "0.1"

TEXT = "the cat sat on the mat\nthe dog, 3.5 kg,\tran\n\n猫 坐 在 é 上\nthe cat ran\n"
LABELLED = {
    "tsv": b"good\ta fine film\nbad\tdull and\tcold\n\ngood\t\xe5\xa5\xbd\n",
    "csv": b'label,text\ngood,"a fine, warm\nfilm"\nbad,"say ""no"""\n',
    "jsonl": b'{"label": "good", "text": "fine"}\n{"label": 3, "text": ""}\n{"text": "x", "label": true}\n',
    "space": b"good a fine film\nbad dull\n",
}
TOML = b'[fit]\ntokenizer = "word"\nlowercase = true\n\n[params]\norder = 3\nprune = [0, 1]\nadd_k = 0.5\n'
PAIRS = [b"word1\tword2\tscore\ntiger\tcat\t7.35\nbook\tpaper\t6.5\n", b"tiger,cat,7\nhorse,apple,3\n"]
QUESTIONS = b": capitals\nathens greece baghdad iraq\n: family\nboy girl brother sister\n"
LOG = b'{"step": 25, "epoch": 0.5, "loss": 3.2, "perplexity": 24.5, "lr": 0.1, "seconds": 1.5}\n' * 3


@dataclass(frozen=True)
class Target:
    """A reader under test.

    Attributes:
        name: What the report calls it.
        inputs: Strategy for its inputs.
        read: Reads an input, inside a folder of its own; may raise NlmkitError and nothing else.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    read: Callable[[Any, Path], None]


def targets() -> Iterator[Target]:
    """All of them."""
    yield from _texts()
    yield from _tables()
    yield from _models()
    yield from _checkpoints()
    yield from _command_line()


# ------------------------------------------------------------------------------------------------------- texts

ENCODINGS = ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-32", "gb18030", "big5", "shift_jis", "hz"]


def _texts() -> Iterator[Target]:
    from nlmkit.text import Corpus, TextPipeline

    def check(corpus: Any) -> None:
        assert corpus.events == corpus.tokens + corpus.sentences == int(corpus.event_offsets[-1])
        assert len(set(corpus.types)) == len(corpus.types)
        assert all(corpus.types), "an empty word"
        assert len(corpus.type_counts()) == len(corpus.types)

    def plain(given: tuple[bytes, str, str, str, str | None, bool], folder: Path) -> None:
        data, encoding, errors, tokenizer, form, lowercase = given
        file = folder / "text.txt"
        file.write_bytes(data)
        pipeline = TextPipeline(
            encoding=encoding, errors=errors, tokenizer=tokenizer, unicode_form=form, lowercase=lowercase
        )
        check(Corpus.read(file, pipeline))

    texts = st.sampled_from(ENCODINGS).flatmap(
        lambda encoding: st.tuples(
            mutated([TEXT.encode(encoding, "replace"), b"", b"a"]),
            st.just(encoding),
            st.sampled_from(["strict", "replace", "ignore"]),
            st.sampled_from(["space", "word", "char"]),
            st.sampled_from([None, "NFC", "NFKD"]),
            st.booleans(),
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
        check(Corpus.read(file))

    def inputs(suffix: str) -> st.SearchStrategy[tuple[str, bytes]]:
        pack = packers[suffix]
        once = pack(TEXT.encode())
        return st.tuples(st.just(suffix), mutated([once, once + once, once + pack(b"more\n"), pack(b"\n" * 50_000)]))

    yield Target("compressed text", st.sampled_from(list(packers)).flatmap(inputs), packed)


# ------------------------------------------------------------------------------------------------------ tables


def _tables() -> Iterator[Target]:
    from nlmkit import NGram, Vectors
    from nlmkit.classification.data import LabelledTexts
    from nlmkit.evaluation.analogies import read_questions
    from nlmkit.evaluation.similarity import read_pairs
    from nlmkit.nn.history import read_log
    from nlmkit.text import Corpus, Vocabulary

    def labelled(given: tuple[str, bytes], folder: Path) -> None:
        form, data = given
        file = folder / "texts"
        file.write_bytes(data)
        read = LabelledTexts.read(str(file), format=form)
        assert len(read.texts) == len(read.labels)
        assert all(len(label) > 0 for label in map(str, read.labels))

    forms = st.sampled_from(list(LABELLED)).flatmap(
        lambda form: st.tuples(st.just(form), mutated([LABELLED[form], b""]))
    )
    yield Target("labelled texts", forms, labelled)

    def word_list(data: bytes, folder: Path) -> None:
        (folder / "words.txt").write_bytes(data)
        vocabulary = Vocabulary.from_corpus(Corpus.read(["the cat", "sat"]), file=str(folder / "words.txt"))
        assert list(vocabulary.words[:3]) == ["<unk>", "<s>", "</s>"]

    yield Target("word list", mutated([b"the\ncat\nsat\n", "猫\nThe\n".encode()]), word_list)

    def of_file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes, Path], None]:
        def run(data: bytes, folder: Path) -> None:
            (folder / name).write_bytes(data)
            read(folder / name)

        return run

    yield Target("word pairs", mutated(PAIRS), of_file("pairs.tsv", read_pairs))
    yield Target("analogy questions", mutated([QUESTIONS]), of_file("questions.txt", read_questions))
    yield Target("training log", mutated([LOG]), of_file("log.jsonl", read_log))

    arpa = _arpa_file()

    def read_arpa(given: tuple[str, bytes], folder: Path) -> None:
        suffix, data = given
        file = folder / f"model.arpa{suffix}"
        file.write_bytes(gzip.compress(data, mtime=0) if suffix else data)
        _score(NGram.from_arpa(file))

    yield Target("ARPA", st.tuples(st.sampled_from(["", ".gz"]), mutated([arpa])), read_arpa)

    vectors = {
        "word2vec": b"3 2\nthe 0.5 1\ncat -1 2e-3\n\xe7\x8c\xab 1 0\n",
        "glove": b"the 0.5 1\ncat -1 2e-3\n. . . 0.1 0.2\n",
        "word2vec-binary": b"2 2\nthe " + np.array([1, 2], "<f4").tobytes() + b"\ncat " + b"\0" * 8 + b"\n",
    }

    def read_vectors(given: tuple[str | None, bytes], folder: Path) -> None:
        form, data = given
        file = folder / ("vectors.bin" if form == "word2vec-binary" else "vectors.txt")
        file.write_bytes(data)
        found = Vectors.from_file(file, format=form)
        assert np.isfinite(np.asarray(found.matrix)).all()
        word = found.vocabulary_.words[3]
        found.most_similar(word, n=2) if np.any(found.vectors([word])) else None

    kinds = st.sampled_from(list(vectors)).flatmap(
        lambda form: st.tuples(st.sampled_from([form, None]), mutated([vectors[form]]))
    )
    yield Target("vectors", kinds, read_vectors)


@functools.cache
def _arpa_file() -> bytes:
    from nlmkit import load

    with tempfile.TemporaryDirectory() as folder:
        load(RELEASE / "ngram-modified-kneser-ney").export(Path(folder) / "model.arpa")  # type: ignore[attr-defined]
        return (Path(folder) / "model.arpa").read_bytes()


def _score(model: Any) -> None:
    """Use an accepted language model: no probability above one, none that is not a number."""
    values = model.log_probs(["the horse eats bread", "", "nothing known 马"])
    assert not np.isnan(values).any(), "NaN among the log-probabilities"
    assert values.max() <= 1e-6, f"log-probability {values.max()}"


# ------------------------------------------------------------------------------------------------ saved models


def _models() -> Iterator[Target]:
    from nlmkit import load

    def read(given: tuple[str, str, Any], folder: Path) -> None:
        name, part, changed = given
        target = folder / "model"
        shutil.copytree(RELEASE / name, target)
        _put(target, part, changed)
        model: Any = load(target)
        if model.kind == "language-model" and model.normalized:
            _score(model)
        elif model.kind == "classifier":
            found = model.predict_proba(["a fine film", ""])
            assert np.isfinite(found).all()
            np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-4)

    names = [path.name for path in sorted(RELEASE.iterdir()) if path.is_dir()]
    yield Target("saved model", st.sampled_from(names).flatmap(lambda name: _changes(RELEASE / name, name)), read)


def _changes(folder: Path, name: str) -> st.SearchStrategy[tuple[str, str, Any]]:
    """A model's name, which part is changed, and how: the manifest's tree, bytes of a file, or values of its arrays."""
    files = sorted(path.name for path in folder.iterdir() if path.name != ".lock")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    spared = st.sampled_from([(), ("run", "payloads", "format_version", "kind")])
    tree = spared.flatmap(lambda keys: st.tuples(st.just(name), st.just("tree"), mutated_json(manifest, spared=keys)))
    raw = st.sampled_from(files).flatmap(
        lambda file: st.tuples(st.just(name), st.just(file), mutated([(folder / file).read_bytes()]))
    )
    values = st.sampled_from([file for file in files if file.endswith(".safetensors")]).flatmap(
        lambda file: st.tuples(st.just(name), st.just(file), mutated_tensors((folder / file).read_bytes()))
    )
    return st.one_of(tree, raw, values)


def _put(folder: Path, part: str, changed: Any) -> None:
    """Change one part of a saved folder, and make the manifest's sizes and hashes right again."""
    manifest = folder / "manifest.json"
    if part == "tree":
        manifest.write_text(json.dumps(changed), encoding="utf-8")
        return
    (folder / part).write_bytes(changed)
    if part == "manifest.json":
        return
    facts = json.loads(manifest.read_bytes())
    sha256 = hashlib.sha256(changed).hexdigest()
    for payload in facts["payloads"]:
        if payload["file"] == part:
            payload["bytes"], payload["sha256"] = len(changed), sha256
            stem, _, suffix = part.rpartition("-")
            payload["file"] = f"{stem}-{sha256[:16]}.{suffix.partition('.')[2]}"
            (folder / part).rename(folder / payload["file"])
    manifest.write_text(json.dumps(facts), encoding="utf-8")


# ------------------------------------------------------------------------------------------------- checkpoints

LINES = ["the cat sat on the mat", "the dog ran", "a cat ran", "a dog sat"] * 4


def _stopped(name: str) -> tuple[Any, tuple[Any, ...]]:
    """A component to fit, small, and the arguments of ``fit``."""
    from nlmkit import registry

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
        _put(target, part, changed)
        component, data = _stopped(name)
        component.fit(*data, run=RunOptions(checkpoint=target, resume=True))
        component.save(folder / "saved")

    names = st.sampled_from(["lstm", "cnn", "glove"])
    yield Target("checkpoint", names.flatmap(lambda name: _changes(_checkpoint(name), name)), resume)


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
