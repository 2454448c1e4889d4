"""Corpora of NLTK whose data are on this machine: what ``nltk:NAME`` leads to.

The sentences are those of the corpus reader that NLTK has under the name. Nothing is downloaded, and nothing is
unpickled: readers from outside of NLTK, or with a sentence splitter that NLTK loads from a pickle, are refused.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from nlmkit.core.optional import require
from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, MissingFileError

PREFIX: Final = "nltk:"

_READERS: Final = "nltk.corpus.reader."
_DOWNLOADED: Final = re.compile(r"nltk\.download\('([\w.-]+)'\)")
_SPACE: Final = re.compile(r"[ \t\r\n]+")
_SHOWN: Final = 5  # files in an error


def sentences(name: str) -> Iterator[str]:
    """Return the sentences of a corpus, one per line: its words with a space between them.

    Args:
        name: ``nltk:NAME``, or ``nltk:NAME/FILE`` for one of its files, or several with ``*`` in the name.

    Raises:
        NlmkitError: NLTK is not installed.
        DataError: NLTK has no such corpus, its data are missing, or it has no sentences or a reader that is refused.
    """
    words = _sentences(name, "sents", "sentences")
    return (" ".join(_SPACE.sub(" ", word) for word in _words(sentence, name)) for sentence in words)


def tagged_lines(name: str) -> Iterator[str]:
    """Return lines of a word, a tab and its tag each, with a blank line after each sentence.

    Args:
        name: As for ``sentences``.

    Raises:
        NlmkitError: As for ``sentences``.
        DataError: As for ``sentences``; or the corpus has no tags.
    """
    return _tagged_lines(_sentences(name, "tagged_sents", "tags"), name)


def _tagged_lines(tagged: Iterable[Any], name: str) -> Iterator[str]:
    for number, sentence in enumerate(tagged, start=1):
        for token in sentence:
            if not isinstance(token, tuple) or len(token) != 2 or not all(isinstance(part, str) for part in token):
                raise DataError(f"sentence {number} has {token!r} in place of a word and a tag", source=name)
            yield "\t".join(_SPACE.sub(" ", part) for part in token)
        yield ""


def _words(sentence: Any, name: str) -> Any:
    if isinstance(sentence, str) or not all(isinstance(word, str) for word in sentence):
        raise DataError("its sentences are not lists of words", source=name)
    return sentence


def _sentences(name: str, method: str, what: str) -> Iterator[Any]:
    """Return what a method of a reader gives, without errors that are not ours; what is missing raises at once."""
    corpus, _, pattern = name.removeprefix(PREFIX).partition("/")
    reader = _reader(corpus, name)
    read = getattr(reader, method, None)
    if read is None:
        raise DataError(f"it has no {what}: its reader in NLTK is {type(reader).__name__}", source=name)
    try:
        return _without_other_errors(read(_matching(reader, pattern, name)) if pattern else read(), name)
    except DataError:
        raise
    except Exception as error:
        raise _unreadable(error, name, corpus) from error


def _reader(corpus: str, name: str) -> Any:
    found = vars(require("nltk.corpus", extra="nltk", who=name))
    base = found["CorpusReader"]
    lazy = found["LazyCorpusLoader"]
    known = {key: value for key, value in found.items() if isinstance(value, (base, lazy))}
    if corpus not in known:
        raise DataError(f"NLTK has no corpus {corpus!r}{suggestion(corpus, known)}", source=name)
    reader = known[corpus]
    package = getattr(reader, "__name__", corpus).partition("/")[0]  # of treebank/combined the first part
    try:
        reader.ensure_loaded()
    except Exception as error:
        raise _unreadable(error, name, package) from error
    kind = type(reader)
    if not kind.__module__.startswith(_READERS):
        raise DataError(f"{kind.__name__} is not a reader of NLTK: in Python, pass its sents()", source=name)
    if any(type(value).__name__ == "LazyLoader" for value in vars(reader).values()):
        raise DataError("this NLTK splits its sentences by a pickle: pip install -U 'nlmkit[nltk]'", source=name)
    return reader


def _matching(reader: Any, pattern: str, name: str) -> list[str]:
    files = list(reader.fileids())
    matching = [file for file in files if file == pattern] or fnmatch.filter(files, pattern)
    if not matching:
        some = ", ".join(files[:_SHOWN]) + (", ..." if len(files) > _SHOWN else "")
        raise MissingFileError(f"it has no file {pattern!r}: its files are {some}", source=name)
    return matching


def _without_other_errors(view: Iterable[Any], name: str) -> Iterator[Any]:
    """Yield the sentences; what NLTK raises between them becomes a DataError."""
    every = iter(view)
    try:
        while True:
            try:
                sentence = list(next(every))
            except StopIteration:
                return
            except Exception as error:
                raise _unreadable(error, name, "") from error
            yield sentence
    finally:  # NLTK closes files that are read to their end
        for part in (view, getattr(view, "_open_piece", None)):
            getattr(part, "close", lambda: None)()


def _unreadable(error: Exception, name: str, package: str) -> DataError:
    """Return what the user is told: where data are missing, how to get them."""
    missing = next((each for each in (error, error.__context__) if type(each) is LookupError), None)
    if missing is not None:
        named = _DOWNLOADED.search(str(missing))  # a corpus may need more than itself, such as punkt_tab
        package = named[1] if named else package
        return MissingFileError(
            f"NLTK's data {package} are not on this machine: python -m nltk.downloader {package}", source=name
        )
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"NLTK cannot read it: {reason}", source=name)
