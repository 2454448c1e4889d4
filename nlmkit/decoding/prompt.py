"""Beginnings of texts that a language model continues: ``prompt_ids``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import Corpus

if TYPE_CHECKING:
    from nlmkit.decoding.machine import StateMachine
    from nlmkit.text.marks import Marks


def prompt_ids(model: StateMachine, prompt: str, marks: Marks) -> list[int]:
    """Return the vocabulary ids of the words of a prompt, read as the model reads any other text.

    Raises:
        HyperParameterError: The prompt is not one line of text.
        DataError: It cannot be read.
    """
    if not isinstance(prompt, str) or "\n" in prompt:
        raise HyperParameterError(f"prompt must be one line of text, not {prompt!r}")
    if not prompt:
        return []
    # An iterator, since a list of one file's name would be refused.
    try:
        corpus = Corpus.read(iter([prompt]), model.pipeline_.with_marks(marks))
    except DataError as error:
        raise DataError(error.problem, source="the prompt") from None
    ids: list[int] = model.encode(corpus).event_ids(model.vocabulary_)[:-1].tolist()
    return ids
