"""Vocabulary options of models trained on text."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nlmkit.core.parameters import param
from nlmkit.errors import DataError, HyperParameterError

if TYPE_CHECKING:
    from nlmkit.text import Corpus, Vocabulary

_shared: contextvars.ContextVar[Vocabulary | None] = contextvars.ContextVar("nlmkit-vocabulary", default=None)


@contextlib.contextmanager
def shared_vocabulary(vocabulary: Vocabulary) -> Iterator[None]:
    """Give the language models that are fitted in the body this vocabulary instead of that of their training text.

    Probabilities of models of different texts, such as those of different classes, are comparable only over one
    vocabulary.
    """
    mark = _shared.set(vocabulary)
    try:
        yield
    finally:
        _shared.reset(mark)


@dataclasses.dataclass(kw_only=True)
class VocabularyLimits:
    """Vocabulary options of language models trained on text.

    By default the vocabulary is every training type plus ``<unk>``. A limit maps the other words to ``<unk>``, which
    is then trained like a word. Where the tokenizer is a trained subword tokenizer, the default is every one of its
    tokens, so that no text has unknown words.

    A vocabulary file excludes other limits, except ``min_count`` at its default, which then has no effect.
    """

    vocabulary_size: int | None = param(None, ge=1, help="number of most frequent words to keep; the rest become <unk>")
    min_count: int = param(1, ge=1, help="minimum count of a word; rarer words become <unk>")
    vocabulary_file: str | None = param(None, help="file with one word per line; all other words become <unk>")

    def limited_vocabulary(self, corpus: Corpus, *, noted: bool = False) -> Vocabulary:
        """Return the vocabulary of the training text ``corpus`` under these limits.

        Sends a note if the tokenizer hardly splits the text (``nlmkit.text.unspaced``).

        Args:
            corpus: The training text.
            noted: Whether the caller has noted that already.

        Raises:
            DataError: The text is empty, or the limits leave no words.
            HyperParameterError: The limits contradict each other.
        """
        from nlmkit.text import Vocabulary
        from nlmkit.text.subwords import tokens_of
        from nlmkit.text.unspaced import note_unspaced

        if not corpus.sentences:
            raise DataError("the training text is empty", source=", ".join(corpus.sources) or None)
        if not noted:
            note_unspaced(corpus)
        shared = _shared.get()
        if shared is not None and getattr(self, "predicts_words", False):
            return shared.counted(corpus)

        if self.vocabulary_file is not None:
            default = next(field.default for field in dataclasses.fields(self) if field.name == "min_count")
            given = [f"vocabulary_size={self.vocabulary_size}"] if self.vocabulary_size is not None else []
            given += [f"min_count={self.min_count}"] if self.min_count not in (1, default) else []
            if given:
                raise HyperParameterError(
                    f"vocabulary_file cannot be combined with vocabulary_size or min_count: drop {', '.join(given)}"
                )
        more: tuple[str, ...] = ()
        if getattr(self, "predicts_words", False) and (self.vocabulary_size, self.least_count) == (None, 1):
            more = tokens_of(corpus.pipeline)
        return Vocabulary.from_corpus(
            corpus, size=self.vocabulary_size, min_count=self.least_count, file=self.vocabulary_file, more=more
        )

    @property
    def least_count(self) -> int:
        """Effective minimum count of a word: ``min_count``, or 1 with a vocabulary file."""
        return self.min_count if self.vocabulary_file is None else 1
