"""What ``nlmkit tag`` reads: raw lines, or files with a token a line, some sentences at a time."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from nlmkit.cli.tagged import with_feature_names
from nlmkit.errors import NlmkitError
from nlmkit.text import Tokenization, stream_blocks
from nlmkit.text.marks import without_nul
from nlmkit.text.tagged import TaggedSentences
from nlmkit.text.tagged_streaming import stream_sentences

if TYPE_CHECKING:
    from nlmkit.taggers.base import Tagger
    from nlmkit.text import TextPipeline

_AT_ONCE = 1000  # sentences of a file that are tagged together


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive sentences.

    Attributes:
        sentences: The sentences.
        gaps: Of each sentence the tokens in front of which the raw line has white space, where that is no token; None
            where there is no such line.
    """

    sentences: TaggedSentences
    gaps: Sequence[Sequence[int]] | None = None


def raw_blocks(
    texts: Sequence[str], tagger: Tagger, model: str, pipeline: TextPipeline, tokenizer: str | None
) -> Iterator[Block]:
    """Yield lines as sentences, each as soon as it is there.

    Args:
        texts: Names of the texts.
        tagger: The model.
        model: Its name.
        pipeline: How the texts are read.
        tokenizer: Tokenizer of the lines; None for the model's. Characters that a segmenter tags are never white space.

    Raises:
        NlmkitError: The model needs more than raw lines.
        DataError: A text is missing or malformed.
    """
    if tagger.feature_names_:
        names = ", ".join(tagger.feature_names_)
        raise NlmkitError(
            f"{model}: {tagger.name} reads columns beside the words ({names}), which raw lines lack: use --input "
            "columns with tokenized files"
        )
    if tokenizer is not None:
        own = pipeline.tokenization
        pipeline = pipeline.with_tokenization(Tokenization(tokenizer, own.lowercase, own.unicode_form))
    by_character = pipeline.tokenizer == "char" and tagger.is_segmenter_
    for name in texts:
        for block in stream_blocks(name, pipeline):
            if by_character:
                yield _characters(block.lines, pipeline, block.source)
            else:
                yield Block(TaggedSentences(block.corpus, source=block.source))


def _characters(lines: Sequence[str], pipeline: TextPipeline, source: str) -> Block:
    """Return the characters of lines other than white space, which a segmenter has not seen in training."""
    runs = [cast(str, without_nul(line, pipeline.marks)).split() for line in lines]
    gaps = [list(itertools.accumulate(map(len, words[:-1]))) for words in runs]
    return Block(TaggedSentences([list("".join(words)) for words in runs], source=source), gaps)


def tokenized_blocks(
    texts: Sequence[str], tagger: Tagger, pipeline: TextPipeline, layout: Mapping[str, Any], *, names_features: bool
) -> Iterator[Block]:
    """Yield the sentences of tokenized files, each as soon as it is there.

    Args:
        texts: Names of the files.
        tagger: The model.
        pipeline: How the files are decoded.
        layout: Where words, tags and features are, as arguments of ``stream_sentences``.
        names_features: Whether an option names the columns of features, which then stand for those of the model.

    Raises:
        DataError: A file is missing or malformed, or lacks a feature of the model.
    """
    import numpy as np

    scheme = None if layout["tag_column"] is None else tagger.scheme_
    for data in stream_sentences(list(texts), **layout, scheme=scheme, decoding=pipeline.decoding):
        named = with_feature_names(data, tagger.feature_names_) if names_features else data
        for start in range(0, len(named), _AT_ONCE):
            yield Block(named.subset(np.arange(start, min(start + _AT_ONCE, len(named)))))
