"""``nltk:NAME``: sentences and tags of NLTK's readers from a small folder of data; one line where data are missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nlmkit import TaggedSentences
from nlmkit.cli.group import nlmkit as command_line
from nlmkit.errors import DataError, MissingFileError, NlmkitError
from nlmkit.text import Corpus, TextPipeline, stream_blocks
from nlmkit.text.nltk_corpora import sentences, tagged_lines

nltk: Any = pytest.importorskip("nltk", reason="NLTK is not installed")

FILES = {
    "brown/ca01": "\n\n\tThe/at day/nn ./.\n\n\tHe/pps ran/vbd 1/2/cd #/#\n",
    "brown/cb01": "\tShe/pps sat/vbd ./.\n",
    "brown/cats.txt": "ca01 news\ncb01 editorial\n",
    "conll2000/train.txt": "The DT B-NP\ncat NN I-NP\nsat VBD B-VP\n\nDogs NNS B-NP\nran VBD B-VP\n\n",
    "conll2000/test.txt": "The DT B-NP\ncat NN I-NP\n\n",
    "gutenberg/a.txt": "It rained. Mr. Bell left;\nhe ran.\n\nA new day.\n",
    "names/female.txt": "Ann\n",
    "treebank/combined/wsj_0001.mrg": "( (S (NP-SBJ (-NONE- *)) (VP (VB Go)) (. .)) )\n",
}
BROWN = [["The", "day", "."], ["He", "ran", "1/2", "#"], ["She", "sat", "."]]
GUIDE = Path(__file__).parents[2] / "docs" / "interchange.md"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A folder laid out as NLTK expects; readers forget it afterwards."""
    import nltk.corpus
    import nltk.data

    folder = tmp_path / "nltk_data"
    for name, text in FILES.items():
        file = folder / "corpora" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:  # undone after what the test itself patches in the readers
        patch.setattr(nltk.data, "path", [str(folder)])
        yield folder
    for name in {file.partition("/")[0] for file in FILES}:
        getattr(nltk.corpus, name)._unload()


def words_of(corpus: Corpus) -> list[list[str]]:
    return [corpus.sentence(number) for number in range(corpus.sentences)]


def test_the_sentences_are_those_of_the_reader(data: Path) -> None:
    assert words_of(Corpus.read("nltk:brown")) == BROWN
    assert words_of(Corpus.read("nltk:brown")) == [list(each) for each in nltk.corpus.brown.sents()]
    assert Corpus.read("nltk:brown").sources == ("nltk:brown",)
    assert words_of(Corpus.read("nltk:treebank")) == [["*", "Go", "."]]
    assert [block.lines for block in stream_blocks("nltk:brown/cb01", TextPipeline())] == [["She sat ."]]


def test_files_are_named_after_the_corpus(data: Path) -> None:
    assert words_of(Corpus.read("nltk:brown/cb01")) == BROWN[2:]
    assert words_of(Corpus.read("nltk:brown/c*")) == BROWN
    assert words_of(Corpus.read_files(["nltk:conll2000/test.txt", "nltk:brown/cb01"]))[0] == ["The", "cat"]
    with pytest.raises(MissingFileError, match=r"^nltk:brown/zz: it has no file 'zz': its files are ca01, cb01$"):
        Corpus.read("nltk:brown/zz")


def test_white_space_in_a_word_is_a_space(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nltk.corpus.brown.ensure_loaded()
    given = [[("a\nb", "X\tY"), ("c", "Z")], []]
    monkeypatch.setattr(nltk.corpus.brown, "sents", lambda: [[word for word, _ in each] for each in given])
    monkeypatch.setattr(nltk.corpus.brown, "tagged_sents", lambda: given)
    assert list(sentences("nltk:brown")) == ["a b c", ""]
    assert list(tagged_lines("nltk:brown")) == ["a b\tX Y", "c\tZ", "", ""]


def test_tagged_sentences_are_those_of_the_reader(data: Path) -> None:
    read = TaggedSentences.read("nltk:brown")
    assert read.token_lists() == BROWN
    assert read.tag_lists() == [["AT", "NN", "."], ["PPS", "VBD", "CD", "#"], ["PPS", "VBD", "."]]
    several = TaggedSentences.read(["nltk:conll2000/train.txt", "nltk:conll2000/test.txt"])
    assert several.tag_lists() == [["DT", "NN", "VBD"], ["NNS", "VBD"], ["DT", "NN"]]
    assert TaggedSentences.read("nltk:brown", format="segmented").sentence(2) == [*"Shesat."]
    with pytest.raises(DataError, match=r"^nltk:gutenberg: it has no tags: its reader in NLTK is Plaintext"):
        TaggedSentences.read("nltk:gutenberg")


def test_a_word_without_a_tag_is_named(data: Path) -> None:
    (data / "corpora" / "brown" / "cb01").write_text("She/pps sat ./.\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"^nltk:brown/cb01: sentence 1 has \('sat', None\) in place of a word and a"):
        TaggedSentences.read("nltk:brown/cb01")


def test_plain_text_is_split_by_punkt(data: Path) -> None:
    from nltk.tokenize.punkt import PunktParameters, save_punkt_params

    with pytest.raises(MissingFileError, match=r"data punkt_tab are not on .*: python -m nltk.downloader punkt_tab$"):
        Corpus.read("nltk:gutenberg")
    parameters = PunktParameters()
    parameters.abbrev_types.add("mr")
    folder = data / "tokenizers" / "punkt_tab" / "english"
    folder.mkdir(parents=True)
    save_punkt_params(parameters, str(folder))
    assert words_of(Corpus.read("nltk:gutenberg")) == [
        ["It", "rained", "."],
        ["Mr", ".", "Bell", "left", ";", "he", "ran", "."],
        ["A", "new", "day", "."],
    ]


def test_missing_data_are_named_with_the_way_to_get_them(data: Path) -> None:
    for name, package in (("abc", "abc"), ("treebank_raw", "treebank"), ("machado/x", "machado")):
        with pytest.raises(MissingFileError) as error:
            Corpus.read(f"nltk:{name}")
        hint = f"NLTK's data {package} are not on this machine: python -m nltk.downloader {package}"
        assert str(error.value) == f"nltk:{name}: {hint}"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("bronw", r"NLTK has no corpus 'bronw'; did you mean brown\?"),
        ("", r"NLTK has no corpus ''"),
        ("LazyCorpusLoader", r"NLTK has no corpus 'LazyCorpusLoader'"),
        ("names", r"it has no sentences: its reader in NLTK is WordListCorpusReader"),
        ("../brown", r"NLTK has no corpus '\.\.'"),
        ("brown/../cats.txt", r"it has no file '\.\./cats\.txt'"),
    ],
)
def test_what_is_no_corpus_of_sentences_says_so(data: Path, name: str, problem: str) -> None:
    with pytest.raises(DataError, match=f"^nltk:{re.escape(name)}: {problem}") as error:
        Corpus.read(f"nltk:{name}")
    assert "\n" not in str(error.value)


def test_errors_of_nltk_are_one_line(data: Path) -> None:
    (data / "corpora" / "brown" / "cb01").write_bytes(b"caf\xe9/nn\n")
    with pytest.raises(DataError, match=r"^nltk:brown/cb01: NLTK cannot read it: 'ascii' codec can't decode") as error:
        Corpus.read("nltk:brown/cb01")
    assert "\n" not in str(error.value)


def test_sentences_must_be_words(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nltk.corpus.brown.ensure_loaded()
    for given in ([[1]], [3]):
        monkeypatch.setattr(nltk.corpus.brown, "sents", lambda given=given: given)
        with pytest.raises(DataError, match=r"^nltk:brown: "):
            Corpus.read("nltk:brown")


def test_without_nltk_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nltk.corpus", None)
    with pytest.raises(NlmkitError, match=r"^nltk:brown needs NLTK: pip install 'nlmkit\[nltk\]'$"):
        Corpus.read("nltk:brown")


def test_readers_that_might_unpickle_are_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nltk.corpus.reader import PlaintextCorpusReader
    from nltk.data import LazyLoader

    root = str(data / "corpora" / "gutenberg")
    pickled = PlaintextCorpusReader(root, r".*", sent_tokenizer=LazyLoader("tokenizers/punkt/english.pickle"))
    monkeypatch.setattr(nltk.corpus, "gutenberg", pickled)
    with pytest.raises(DataError, match=r"^nltk:gutenberg: this NLTK splits its sentences by a pickle: pip"):
        Corpus.read("nltk:gutenberg")

    class OfSomebodyElse(PlaintextCorpusReader):
        def sents(self, fileids: Any = None) -> Any:
            raise AssertionError("was called")

    monkeypatch.setattr(nltk.corpus, "gutenberg", OfSomebodyElse(root, r".*"))
    with pytest.raises(DataError, match=r"^nltk:gutenberg: OfSomebodyElse is not a reader of NLTK: in Python, pass"):
        Corpus.read("nltk:gutenberg")


def test_a_name_among_strings_is_no_line() -> None:
    with pytest.raises(DataError, match=r"each string is the name of a file \('nltk:brown'\)"):
        Corpus.read(["nltk:brown"])


def test_the_commands_of_the_guide_run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```console\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    download, *commands = [line.removeprefix("$ ").split() for line in block.splitlines()]
    assert download == ["python", "-m", "nltk.downloader", "brown", "conll2000"]
    for program, *words in commands:
        assert program == "nlmkit"
        result = CliRunner().invoke(command_line, words)
        assert result.exit_code == 0, result.output
    result = CliRunner().invoke(command_line, ["compare", "brown", "brown", "nltk:brown/cb01", "--samples", "0"])
    assert (result.exit_code, "1 sentence" in result.output) == (0, True), result.output
    assert "4 events" in result.output


@pytest.mark.slow
def test_nothing_is_unpickled_where_data_come_from_the_environment(data: Path) -> None:
    code = (
        "import sys; sys.addaudithook(lambda event, _: (_ for _ in ()).throw(SystemExit(event))"
        " if event in ('pickle.find_class', 'socket.connect') else None)\n"
        "from nlmkit import TaggedSentences; from nlmkit.text import Corpus\n"
        "assert 'nltk' not in sys.modules\n"
        "print(Corpus.read('nltk:brown').sentences, TaggedSentences.read('nltk:conll2000').tokens)"
    )
    environment = {**os.environ, "NLTK_DATA": str(data)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert (found.stdout, found.stderr) == ("3 7\n", "")
