from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nlmkit.errors import DataError
from nlmkit.text import Corpus, TextPipeline, catalog, stream_blocks
from nlmkit.text.tokenizers import BUILT_IN

ENTRY = """
title = "Title"
language = "en"
licence = "none"
source = "here"
size = "small"
task = "language-modelling"
tokenizer = "space"
"""
CATALOG = f"""
[two]{ENTRY}
provider = "bundled"
splits = {{ train = ["two/b.txt", "two/a.txt"], test = ["two/test.txt"] }}

[one]{ENTRY}
provider = "bundled"
splits = {{ all = ["two/?.txt"] }}

[absent]{ENTRY}
provider = "bundled"
splits = {{ train = ["absent.txt"], test = ["two/test.txt"] }}

[mine]{ENTRY}
provider = "prepare"
prepare = "write it yourself"

[tagged]{ENTRY}
provider = "nltk"
format = "tagged"
encoding = "ascii"
splits = {{ all = ["corpora/tagged/c[a-r][0-9][0-9]"] }}
prepare = "download it"

[prose]{ENTRY}
provider = "nltk"
format = "paragraphs"
encoding = "latin-1"
splits = {{ all = ["corpora/prose/*.txt"] }}
prepare = "download it"

[parses]{ENTRY}
provider = "nltk"
format = "trees"
splits = {{ all = ["corpora/parses/wsj_*.mrg"] }}
prepare = "download it"

[latin]{ENTRY}
provider = "bundled"
encoding = "latin-1"
splits = {{ all = ["latin.txt", "two/empty.txt"] }}

[labelled]{ENTRY.replace("language-modelling", "classification")}
provider = "bundled"
splits = {{ train = ["labelled.tsv"] }}

[chunks]{ENTRY.replace("language-modelling", "tagging")}
provider = "bundled"
format = "columns"
splits = {{ train = ["chunks.txt"] }}

[words]{ENTRY.replace("language-modelling", "tagging")}
provider = "bundled"
format = "segmented"
splits = {{ train = ["two/a.txt"] }}

[foreign]{ENTRY}
provider = "gensim"
splits = {{ all = ["test/text.cor"] }}
prepare = "install it"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a catalogue and some corpora."""
    files = {
        "catalog.toml": CATALOG,
        "two/a.txt": "a\n",
        "two/b.txt": "b\nb\n",
        "two/test.txt": "test\n",
        "two/empty.txt": "",
        "labelled.tsv": "good\tfine words\n",
        "chunks.txt": "The DT B-NP\r\ncat NN I-NP\r\n\r\n\r\nRan\tVBD\tB-VP",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content.encode())
    (tmp_path / "latin.txt").write_bytes("é\x85 a\rb\n\nü".encode("latin-1"))
    monkeypatch.setattr(catalog, "folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def nltk_data(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of NLTK data in which nothing is yet."""
    monkeypatch.delitem(sys.modules, "nltk.data", raising=False)
    monkeypatch.setenv("NLTK_DATA", str(place / "nltk_data"))
    return place / "nltk_data" / "corpora"


def write(file: Path, text: str, encoding: str = "utf-8") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode(encoding))


def test_bundled_files(place: Path) -> None:
    assert catalog.resolve("two") == [place / "two" / "b.txt", place / "two" / "a.txt"]
    assert catalog.resolve("two/test") == [place / "two" / "test.txt"]
    assert catalog.resolve("one") == [place / "two" / "a.txt", place / "two" / "b.txt"]
    assert catalog.resolve("labelled/train") == [place / "labelled.tsv"]


def test_reading_by_name(place: Path) -> None:
    corpus = Corpus.read("corpus:two")
    assert (corpus.types, corpus.sentences, corpus.sources) == (("b", "a"), 3, ("corpus:two",))
    assert Corpus.read_files(["corpus:two/test", place / "two" / "a.txt"]).types == ("test", "a")
    assert [block.lines for block in stream_blocks("corpus:two/test")] == [["test"]]
    (place / "two" / "a.txt").write_bytes(b"\0")
    with pytest.raises(DataError) as caught:
        Corpus.read("corpus:two")
    assert caught.value.source == str(place / "two" / "a.txt")


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tow", "no corpus named 'tow': did you mean two"),
        ("nothing-like-it", "see `nlmkit corpora list`"),
        ("", "no corpus named ''"),
        ("two/dev", "no split 'dev': it has train, test"),
        ("one/train", "no split 'train': it has all"),
        ("mine", "does not come with nlmkit: write it yourself"),
        ("mine/test", "write it yourself"),
        ("absent", "reinstall nlmkit"),
        ("../two", "no corpus named"),
    ],
)
def test_what_cannot_be_resolved(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        catalog.resolve(name)
    with pytest.raises(DataError, match=message):
        Corpus.read(f"corpus:{name}")


@pytest.mark.parametrize("name", ["tagged", "prose", "parses"])
def test_what_nltk_has_not_downloaded(nltk_data: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"corpus {name} is not on this machine: download it"):
        catalog.resolve(name)
    assert not nltk_data.exists()


def test_tagged_words(nltk_data: Path) -> None:
    write(nltk_data / "tagged" / "cb01", "Last/at\n")
    write(nltk_data / "tagged" / "ca01", "\n\n\tThe/at 1/2/cd day/nn-tl ./.\n\n\n\tHe/pps ``/`` ran/vbd\n\n")
    write(nltk_data / "tagged" / "README", "not/this\n")
    assert list(catalog.resolve("tagged")) == ["The 1/2 day .", "He `` ran", "Last"]
    corpus = Corpus.read("corpus:tagged")
    assert (corpus.tokens, corpus.sentences, corpus.bytes) == (8, 3, 14 + 10 + 5)
    assert corpus.sources == ("corpus:tagged",)


def test_paragraphs(nltk_data: Path) -> None:
    write(nltk_data / "prose" / "a.txt", "[Title]\r\n\r\n\n  One\ntwo  thé\n \t\nThree\n\n", "latin-1")
    assert list(catalog.resolve("prose")) == ["[Title]", "One two thé", "Three"]


def test_trees(nltk_data: Path) -> None:
    parses = """
( (S
    (NP-SBJ-1 (NNP Pierre) (, ,) )
    (VP (VBD was)
      (S (-NONE- *-1) )
      (NP (CD 1\\/2) (-LRB- -LRB-) ))
    (. .) ))
( (NP (NN End) (-NONE- *) ))
((-NONE- *))
"""
    write(nltk_data / "parses" / "wsj_0001.mrg", parses)
    assert list(catalog.resolve("parses")) == ["Pierre , was 1\\/2 -LRB- .", "End"]
    for broken in ("( (S (NN a) )", "(S (NN a) ))"):
        write(nltk_data / "parses" / "wsj_0002.mrg", broken)
        with pytest.raises(DataError, match="brackets"):
            list(catalog.resolve("parses"))


def test_tagged_corpora_are_text(place: Path) -> None:
    assert list(catalog.resolve("chunks")) == ["The cat", "Ran"]
    assert Corpus.read("corpus:chunks").sentence(0) == ["The", "cat"]
    assert catalog.resolve("words") == [place / "two" / "a.txt"]
    entry, files = catalog.locate("chunks/train")
    assert (entry.name, entry.format, files) == ("chunks", "columns", [place / "chunks.txt"])


def test_lines_in_another_encoding(place: Path) -> None:
    assert list(catalog.resolve("latin")) == ["é\x85 a\rb", "", "ü"]
    assert Corpus.read("corpus:latin").types == ("é\x85", "a", "b", "ü")
    (place / "latin.txt").unlink()
    with pytest.raises(DataError, match="not on this machine"):
        catalog.resolve("latin")


def test_an_nltk_in_use_says_where_its_data_are(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_use = ModuleType("nltk.data")
    in_use.path = ["/nowhere", str(place / "own")]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nltk.data", in_use)
    write(place / "own" / "corpora" / "tagged" / "ca01", "a/x b/y\n")
    assert list(catalog.resolve("tagged")) == ["a b"]


def test_a_package_is_found_without_being_imported(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = place / "site" / "gensim"
    write(package / "__init__.py", "raise RuntimeError('imported')")
    write(package / "test" / "text.cor", "a b\n")
    monkeypatch.syspath_prepend(place / "site")
    monkeypatch.delitem(sys.modules, "gensim", raising=False)
    assert catalog.resolve("foreign") == [package / "test" / "text.cor"]
    (package / "test" / "text.cor").unlink()
    with pytest.raises(DataError, match="install it"):
        catalog.resolve("foreign")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="install it"):
        catalog.resolve("foreign")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "cannot be read"),
        ("a = 3", "corpus a: not a table"),
        (f"[a]{ENTRY}", "are required"),
        (f"[a]{ENTRY}provider = 'web'\n", "provider must be one of bundled, gensim, nltk, prepare"),
        (f"[a]{ENTRY}provider = 'prepare'\n", "prepare must describe how"),
        (f"[a]{ENTRY}provider = 'bundled'\n", "splits must list"),
        (f"[a]{ENTRY}provider = 'bundled'\nsplits = {{ train = 'x' }}\n", "lists of file names"),
        (f"[a]{ENTRY}provider = 'bundled'\nsplits = {{ train = [] }}\n", "lists of file names"),
        (f"[a]{ENTRY}colour = 'red'\n", "unknown keys colour"),
        (f"[a]{ENTRY}provider = 3\n", "provider must be a string"),
        (f"[a]{ENTRY}provider = 'bundled'\nencoding = 'utf8x'\n", "corpus a: unknown text encoding 'utf8x'"),
        ("[a]\ntask = 'parsing'\n", "task must be one of"),
        (
            f"[a]{ENTRY}provider = 'bundled'\nformat = 'columns'\nencoding = 'latin-1'\nsplits = {{ train = ['x'] }}\n",
            "the format columns must have the encoding utf-8",
        ),
    ],
)
def test_a_faulty_catalogue_is_an_error(place: Path, text: str, message: str) -> None:
    other = place / "other"
    write(other / "catalog.toml", text)
    with pytest.raises(DataError, match=message) as caught:
        catalog._entries(other)
    assert caught.value.source == str(other / "catalog.toml")


def test_the_real_catalogue() -> None:
    known = {entry.name: entry for entry in catalog.entries()}
    assert {"english", "chinese", "reviews-en", "reviews-zh", "chunks-en", "segments-zh"} <= set(known)
    assert {"trees-en", "trees-zh"} <= set(known)
    assert {"pairs-en-zh", "lee", "brown", "ptb", "wikitext-2", "imdb"} <= set(known)
    assert catalog.entry("ptb") is known["ptb"]
    for entry in known.values():
        assert entry.tokenizer in BUILT_IN
        assert entry.title
        assert entry.licence
        assert "\n" not in entry.prepare
        if entry.provider == "bundled":
            assert list(entry.splits) == ["train", "valid", "test"]


def test_the_bundled_corpora_can_be_read() -> None:
    bundled = [entry for entry in catalog.entries() if entry.provider == "bundled"]
    if not (catalog.folder() / "english" / "train.txt").exists():
        pytest.skip("the bundled corpora are not assembled in corpora/")
    for entry in bundled:
        for split in entry.splits:
            assert Corpus.read(f"corpus:{entry.name}/{split}", TextPipeline(tokenizer=entry.tokenizer)).tokens > 0


def test_the_bundled_translations() -> None:
    """Sizes are those of the datasheet; no sentence occurs twice; held-out pairs have no word that training lacks."""
    parts = {}
    for split in ("train", "valid", "test"):
        _, (file,) = catalog.locate(f"pairs-en-zh/{split}")
        parts[split] = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    pairs = [pair for part in parts.values() for pair in part]
    assert [len(part) for part in parts.values()] == [600, 60, 60]
    assert sum(len(english.split()) for english, _ in pairs) == 3994
    assert sum(len(chinese) for _, chinese in pairs) == 5566
    assert len({english for english, _ in pairs}) == len({chinese for _, chinese in pairs}) == 720
    for english, chinese in pairs:
        assert english.isascii()
        assert english == " ".join(english.split())
        assert ".?!".index(english[-1]) == "。？！".index(chinese[-1])
        assert not any(character.isascii() or character.isspace() for character in chinese)
    word = TextPipeline(tokenizer="word", lowercase=True)
    known = {token for pair in parts["train"] for text in pair for token in word.tokenize(text)}
    held_out = {token for pair in parts["valid"] + parts["test"] for text in pair for token in word.tokenize(text)}
    assert held_out <= known


def test_the_lee_corpus_does_not_import_gensim() -> None:
    code = (
        "import importlib.util, sys\n"
        "from nlmkit.text import Corpus\n"
        "if importlib.util.find_spec('gensim') is None: print('none')\n"
        "else: print(*(Corpus.read(f'corpus:lee/{split}').sentences for split in ('train', 'test')))\n"
        "assert 'gensim' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if done.stdout == "none\n":
        pytest.skip("gensim is not installed")
    assert done.stdout == "300 50\n"
