"""What ``nlmkit tag`` reads: raw lines, or files with one token per line, some sentences at a time."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from nlmkit.cli.tagged import with_feature_names
from nlmkit.cli.texts import Part, parts
from nlmkit.core.notes import note
from nlmkit.errors import NlmkitError
from nlmkit.text import Tokenization, stream_blocks
from nlmkit.text.marks import without_nul
from nlmkit.text.tag_schemes import PLAIN, is_of
from nlmkit.text.tagged import TaggedSentences
from nlmkit.text.tagged_streaming import stream_sentences

if TYPE_CHECKING:
    from nlmkit.taggers.base import Tagger
    from nlmkit.text import TextPipeline
    from nlmkit.text.columns import TextColumn

_AT_ONCE = 1000  # sentences of a file that are tagged together
_SAMPLED, _FEWEST = 20, 3  # lines that must look alike for a text to look like columns


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive sentences.

    Attributes:
        sentences: The sentences.
        gaps: Of each sentence the tokens in front of which the raw line has white space, where that is no token; None
            where there is no such line.
        others: The other columns of a table, by name.
    """

    sentences: TaggedSentences
    gaps: Sequence[Sequence[int]] | None = None
    others: Mapping[str, list[Any]] = dataclasses.field(default_factory=dict)


def raw_blocks(
    texts: Sequence[str],
    tagger: Tagger,
    model: str,
    pipeline: TextPipeline,
    tokenizer: str | None,
    *,
    column: TextColumn | None = None,
) -> Iterator[Block]:
    """Yield lines, or texts of a table, as sentences, each as soon as it is there.

    Args:
        texts: Names of the texts.
        tagger: The model.
        model: Its name.
        pipeline: How the texts are read.
        tokenizer: Tokenizer of the lines; None for the model's. Characters that a segmenter tags are never white space.
        column: Where the text is, if the texts are tables.

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
    if column is not None:
        for part in parts(texts, pipeline, column):
            yield _with_others(part, by_character=by_character, pipeline=pipeline)
        return
    for name in texts:
        for block in stream_blocks(name, pipeline):
            if block.first_line == 1 and _looks_tagged(block.lines, tagger):
                note(f"{block.source} has one token per line but is read as raw lines: use --input columns")
            if by_character:
                yield _characters(block.lines, pipeline, block.source)
            else:
                yield Block(TaggedSentences(block.corpus, source=block.source))


def _with_others(part: Part, *, by_character: bool, pipeline: TextPipeline) -> Block:
    """Return the texts of a table as sentences, with its other columns."""
    if by_character:
        return dataclasses.replace(_characters(part.lines, pipeline, "<table>"), others=part.others)
    return Block(TaggedSentences(part.corpus, source="<table>"), others=part.others)


def _looks_tagged(lines: Sequence[str], tagger: Tagger) -> bool:
    """Return whether the first lines have the same number of columns, two or more, of which the last are tags."""
    rows = [line.split() for line in lines if line.strip()][:_SAMPLED]
    if len(rows) < _FEWEST or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return False
    last = {row[-1] for row in rows}
    return last <= set(tagger.tags_) if tagger.scheme_ == PLAIN else all(is_of(tag, tagger.scheme_) for tag in last)


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
