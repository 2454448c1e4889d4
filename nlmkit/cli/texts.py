"""Reading the texts that a command is given, and the models that score them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nlmkit.components import LanguageModel, Progress
from nlmkit.errors import NlmkitError
from nlmkit.models import load
from nlmkit.text import Corpus, TextPipeline, stream_blocks


def load_language_model(path: str) -> LanguageModel:
    """The saved model at ``path``, which must be a language model.

    Raises:
        NlmkitError: it is of another kind, or cannot be loaded.
    """
    model = load(path)
    if not isinstance(model, LanguageModel):
        raise NlmkitError(f"{path}: {model.name} is a {model.kind}, and this needs a language model")
    return model


def read_texts(names: Sequence[str], pipeline: TextPipeline, progress: Progress | None, what: str) -> Corpus:
    """All texts as one corpus.

    Args:
        names: Paths, directories, ``-``, ``corpus:NAME``.
        pipeline: How to read them.
        progress: Is shown a stage for the reading.
        what: What the stage is called.

    Raises:
        DataError: a text is missing or unusable.
    """
    return Corpus.read_files(names, pipeline, progress=_follow(progress, what))


def _follow(progress: Progress | None, what: str) -> Callable[[int, int | None], None] | None:
    """What a reader calls with the amount read so far, as a stage that advances."""
    if progress is None:
        return None
    shown = -1

    def follow(done: int, total: int | None) -> None:
        nonlocal shown
        if shown < 0:
            progress.start(what, total)
            shown = 0
        progress.advance(done - shown)
        shown = done

    return follow


def for_model(corpus: Corpus, model: LanguageModel) -> Corpus:
    """``corpus`` as one that the model takes for its own, when only the decoding of its bytes was another one."""
    if corpus.pipeline in (None, model.pipeline_):
        return corpus
    return dataclasses.replace(corpus, pipeline=model.pipeline_)


def blocks(names: Sequence[str], model: LanguageModel, pipeline: TextPipeline) -> Iterator[tuple[Corpus, list[str]]]:
    """The texts bit by bit, each line as soon as it is there: a corpus for the model, and its lines as they stood."""
    for name in names:
        for block in stream_blocks(name, pipeline):
            yield for_model(block.corpus, model), block.lines


def joined(parts: Iterable[tuple[Corpus, list[str]]]) -> tuple[Corpus, list[str]]:
    """All blocks as one."""
    numbers: dict[str, int] = {}
    ids: list[NDArray[np.int32]] = []
    ends: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    lines: list[str] = []
    pipeline: TextPipeline | None = None
    for corpus, part in parts:
        numbering = [numbers.setdefault(word, len(numbers)) for word in corpus.types]
        ids.append(np.array(numbering, np.int32)[corpus.ids])
        ends.append(ends[-1][-1] + corpus.offsets[1:])
        lines += part
        pipeline = corpus.pipeline
    whole = Corpus(
        tuple(numbers),
        np.concatenate(ids) if ids else np.empty(0, np.int32),
        np.concatenate(ends),
        pipeline=pipeline,
    )
    return whole, lines
