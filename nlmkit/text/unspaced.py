"""A note for text whose script puts no spaces between words, read by a tokenizer that splits at spaces.

Each line is then one word, or a few, that never come again: a model of them learns nothing, without any error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nlmkit.core.notes import note
from nlmkit.text.tokenizers import HAN

if TYPE_CHECKING:
    from nlmkit.text.corpus import Corpus

_SAMPLE = 1000  # sentences
_TOKENS = 100  # of each
_CHARACTERS = 1000  # of each token

# How many letters of a script a token must have before it is taken for several words: of Han and kana, whose words have
# one to four, five; of the alphabets of South-East Asia and of Korean, which has spaces as a rule, twelve.
_HAN_AND_KANA = re.compile(f"[{HAN}\u3041-\u3096\u30a1-\u30fa\u30fc\uff66-\uff9d]")
_OTHERS = re.compile("[\u0e01-\u0e30\u0e40-\u0e45\u0e81-\u0eb0\u0f40-\u0f6c\u1000-\u102a\u1780-\u17b3\uac00-\ud7a3]")
_LONG = ((_HAN_AND_KANA, 5, "Han, kana"), (_OTHERS, 12, "Thai, Lao, Tibetan, Khmer, Myanmar or Hangul"))


def note_unspaced(corpus: Corpus) -> None:
    """Note that most lines of a training text are one long token of a script without spaces, if they are.

    Token lists are left alone: whoever made them has split the text. At most a thousand lines are looked at.
    """
    if corpus.pipeline is None or corpus.pipeline.tokenizer == "char" or not corpus.tokens:
        return
    step = -(-corpus.sentences // _SAMPLE)
    found: dict[str, int] = {}
    lines = 0
    for index in range(0, corpus.sentences, step):
        begin, end = int(corpus.offsets[index]), int(corpus.offsets[index + 1])
        words = [corpus.types[id_][:_CHARACTERS] for id_ in corpus.ids[begin : min(end, begin + _TOKENS)].tolist()]
        if letters := sum(sum(map(str.isalpha, word)) for word in words):
            lines += 1
            script = _unsplit(words, letters)
            if script is not None:
                found[script] = found.get(script, 0) + 1
    if 2 * sum(found.values()) > lines:
        script = max(found, key=lambda name: found[name])
        tokenizer = corpus.pipeline.tokenizer
        jieba = "jieba of nlmkit-chinese or " if script == _LONG[0][2] else ""
        note(
            f"most lines ({sum(found.values())} of {lines} looked at) are long tokens in a script without spaces "
            f"({script}), which the tokenizer {tokenizer} does not split: use --tokenizer char (in Python "
            f'TextPipeline(tokenizer="char"), of a classifier or regressor tokenizer="char"), or for words {jieba}a '
            "segmenter (model:FOLDER)"
        )


def _unsplit(words: list[str], letters: int) -> str | None:
    """Return the script whose long tokens have more than half of a line's letters, if there is one."""
    for pattern, least, script in _LONG:
        long = (len(found) for word in words if len(found := pattern.findall(word)) >= least)
        if 2 * sum(long) > letters:
            return script
    return None
