"""The tokenizers ``jieba`` and ``jieba-dictionary``: Chinese words, by jieba's dictionary.

The segmenter is ``jieba-rs`` through its binding ``rjieba``. It finds, of all ways to cut a run of Han characters into
words of the dictionary, the most probable one by the words' frequencies.

A tokenizer of nlmkit has a name and nothing to set: a saved model remembers that name, and text must be cut at scoring
as it was in training. Words of one's own therefore belong to a tokenizer of one's own, in a package that declares it::

    class Harbour(Jieba):
        \"\"\"jieba with the terms of seafaring.\"\"\"

        name = "jieba-harbour"
        own_words = {"滚装船": None, "锚地": 300}
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from nlmkit.plugin import FLAG, INVISIBLE_JOINTS, KEYCAP, PICTURES

if TYPE_CHECKING:
    from rjieba import Jieba as Segmenter


class Jieba:
    """Splits Chinese into words, those that the dictionary lacks found by a hidden Markov model.

    White space of any kind separates, and is the only thing that is not in a token. What is not Chinese comes out in
    runs of letters and digits, and single marks; a mark that combines with the character before it stays there, an
    emoji is one token with all that belongs to it, and a soft hyphen divides no word.
    """

    name: ClassVar[str] = "jieba"
    finds_new_words: ClassVar[bool] = True
    own_words: ClassVar[Mapping[str, int | None]] = {}
    """Words beside the dictionary's, each with its frequency, or None for one that keeps it in one piece."""

    def tokenize(self, line: str) -> list[str]:
        """Return the words of one line."""
        found: list[str] = []
        for run in line.split():
            for part in _parts(run):
                found += [part] if part[1:] and _WHOLE.fullmatch(part) else self._cut(part)
        return found

    def _cut(self, part: str) -> list[str]:
        return _joined(self._segmenter.cut(part, hmm=self.finds_new_words))

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Join the tokens the way text is usually set: without spaces in Chinese, with spaces in Latin script."""
        from nlmkit.plugin import WordTokenizer

        return WordTokenizer().detokenize(tokens)

    @functools.cached_property
    def _segmenter(self) -> Segmenter:
        """jieba with its dictionary, read when the first line is split."""
        if not self.own_words:
            return _plain_segmenter()
        import rjieba

        segmenter = rjieba.Jieba()
        for word, frequency in self.own_words.items():
            segmenter.add_word(word, frequency, None)
        return segmenter


class JiebaDictionary(Jieba):
    """Splits Chinese into words of the dictionary alone; all else in single characters.

    There are no words then that only the segmenter believes in, and the vocabulary of a corpus stays smaller.
    """

    name = "jieba-dictionary"
    finds_new_words = False


@functools.cache
def _plain_segmenter() -> Segmenter:
    """Return a shared instance, as it takes time and memory to build."""
    import rjieba

    return rjieba.Jieba()


# What jieba takes apart character by character: an emoji with what belongs to it, and a word with a soft hyphen in it.
_PICTURE = f"[{PICTURES}][\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*+"
_WHOLE = re.compile(
    rf"{KEYCAP}|{FLAG}|{_PICTURE}(?:\u200d{_PICTURE})*|[a-zA-Z0-9]++(?:[{INVISIBLE_JOINTS}][a-zA-Z0-9]++)+"
)


def _parts(run: str) -> list[str]:
    """Return the run, with each emoji and each word with a soft hyphen as a part of its own."""
    if run.isascii():
        return [run]
    parts: list[str] = []
    end = 0
    for match in _WHOLE.finditer(run):
        if len(match[0]) > 1:
            parts += [run[end : match.start()], match[0]]
            end = match.end()
    return [part for part in [*parts, run[end:]] if part]


def _joined(pieces: list[str]) -> list[str]:
    """Return the pieces, with every combining mark and joiner at the end of the one before it."""
    found: list[list[str]] = []  # in parts, as a token may be a million marks long
    for piece in pieces:
        at = 0
        while at < len(piece) and found and _combines(piece[at]):
            at += 1
        if at:
            found[-1].append(piece[:at])
        if at < len(piece):
            found.append([piece[at:]])
    return ["".join(parts) for parts in found]


def _combines(character: str) -> bool:
    return character in "\u200c\u200d" or unicodedata.category(character)[0] == "M"
