"""Training of word2vec and fastText by gensim: how it gets its sentences, and how its loss is kept.

Two things that gensim does quietly are mended here. It drops what a sentence has beyond 10,000 words; longer ones are
passed in pieces. And it sums its loss in one 32-bit float for the whole training, whose unit soon exceeds what a word
adds (and which workers overwrite); here each batch has a sum of its own, and those are added in 64 bits. Neither
touches what is learnt: the vectors are those of gensim, called directly with the same settings.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from gensim.models import FastText as GensimFastText
from gensim.models import Word2Vec as GensimWord2Vec
from gensim.models.callbacks import CallbackAny2Vec
from numpy.typing import NDArray

from nlmkit.errors import NlmkitError
from nlmkit.training.clock import seconds

LONGEST = 10_000
"""Words of a sentence that gensim trains on; also what a batch has at most."""

OUTSIDE = ""
"""Stands for words without a vector, which gensim skips; no vocabulary has it as a word."""

_TOKENS_AT_ONCE = 1 << 17


class Sentences:
    """A text as gensim wants it: lists of words, each no longer than `LONGEST`. Can be gone through again and again.

    The lists are made on the way, so that a text takes no more memory than its ids.

    Args:
        ids: Index into ``words`` of each token, −1 for one outside: int32 [tokens].
        offsets: Where each sentence begins, and where the last one ends: int64 [sentences + 1].
        words: Words by index.
    """

    def __init__(self, ids: NDArray[np.int32], offsets: NDArray[np.int64], words: tuple[str, ...]) -> None:
        self._ids = ids
        self._words = np.array([*words, OUTSIDE], dtype=object)  # whose last element is that of index −1
        lengths = np.diff(offsets)
        pieces = np.maximum(-(-lengths // LONGEST), 1)
        within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        self._bounds = np.append(np.repeat(offsets[:-1], pieces) + within * LONGEST, len(ids))
        self.divided = int(np.count_nonzero(pieces > 1))
        """Sentences that were divided."""
        self.stopped = False
        """Once set, no more sentences come."""

    def __len__(self) -> int:
        """Number of sentences, those that were divided counted by their pieces."""
        return len(self._bounds) - 1

    def __iter__(self) -> Iterator[list[str]]:
        begin = 0
        while begin < len(self):
            start = self._bounds[begin]
            # Pieces are short, so one more than fit is no matter.
            end = min(int(np.searchsorted(self._bounds, start + _TOKENS_AT_ONCE)), len(self))
            end = max(end, begin + 1)
            tokens = self._words[self._ids[start : self._bounds[end]]].tolist()
            places = (self._bounds[begin : end + 1] - start).tolist()
            for left, right in itertools.pairwise(places):
                if self.stopped:
                    return
                yield tokens[left:right]
            begin = end


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What happened in one pass over the text.

    Attributes:
        number: From 1.
        loss: Mean loss of a trained word, in nats: the negative log-likelihood that word2vec minimises, summed over
            the word's neighbours and their negative samples (or the nodes of the tree), while it is being trained.
            It is gensim's: from a table that makes it some 2 % too high, and without the pairs whose logit is beyond
            ±6, which are not trained. None if no word was trained, and with subwords, where gensim keeps no loss.
        words: Words that were trained: known ones that subsampling left.
        batches: Jobs of at most `LONGEST` words, since training began.
        seconds: Since training began.
    """

    number: int
    loss: float | None
    words: int
    batches: int
    seconds: float


class Trainer(GensimWord2Vec):  # type: ignore[misc]  # gensim has no types
    """gensim's Word2Vec with a loss by epoch, progress by batch, and errors that do not hang its threads.

    Args:
        settings: Arguments of gensim's constructor.
        advance: Called with the number of tokens of each batch that is done, by one thread at a time.
        ended: Called after each epoch.
    """

    keeps_loss: ClassVar[bool] = True

    def __init__(
        self, settings: dict[str, Any], *, advance: Callable[[int], None], ended: Callable[[Epoch], None]
    ) -> None:
        # gensim's initialisation does not ask for hashes of words; should it, they must not depend on the process.
        super().__init__(hashfxn=_checksum, **settings)
        self._advance, self._ended = advance, ended
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._loss, self._trained, self._batches, self._epochs = 0.0, 0, 0, 0
        self._began = seconds()

    def run(self, sentences: Sentences, counts: dict[str, int]) -> None:
        """Build the vocabulary of ``counts``, in the order of their first appearance, and train.

        Raises:
            NlmkitError: Training diverged: a vector is not finite.
        """
        self.build_vocab_from_freq(counts, corpus_count=len(sentences))
        self._sentences = sentences
        self._began = seconds()
        try:
            self.train(
                sentences,
                total_examples=len(sentences),
                epochs=self.epochs,
                start_alpha=self.alpha,
                end_alpha=self.min_alpha,
                compute_loss=self.keeps_loss,
                callbacks=[_EpochEnds(self._epoch_ended)],
            )
        finally:
            sentences.stopped = True  # for the threads, if this is left by an error
        refuse_diverged(self.wv.vectors, self.alpha)

    def _do_train_job(self, sentences: list[list[str]], alpha: float, inits: Any) -> tuple[int, int]:
        """Train on one batch, in a worker's thread."""
        if self._sentences.stopped:
            return 0, 0
        try:
            # The same arrays and random numbers, and a loss that no other thread writes.
            job = object.__new__(type(self))
            job.__dict__.update(vars(self))
            job.running_training_loss = 0.0
            trained, raw = super(Trainer, job)._do_train_job(sentences, alpha, inits)
            with self._lock:
                self._loss += float(job.running_training_loss)
                self._trained += trained
                self._batches += 1
                self._advance(raw)
        except BaseException as error:  # which gensim would wait for endlessly
            self._error = error
            self._sentences.stopped = True
            return 0, 0
        return trained, raw

    def _epoch_ended(self) -> None:
        """Report the epoch, in the thread that called `run`."""
        if self._error is not None:
            raise self._error
        loss = self._loss / self._trained if self._trained and self.keeps_loss else None
        self._epochs += 1
        self._ended(Epoch(self._epochs, loss, self._trained, self._batches, seconds() - self._began))
        self._loss, self._trained = 0.0, 0


class SubwordTrainer(Trainer, GensimFastText):  # type: ignore[misc]
    """The same of gensim's FastText, which keeps no loss."""

    keeps_loss = False


class _EpochEnds(CallbackAny2Vec):  # type: ignore[misc]
    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def on_epoch_end(self, model: Any) -> None:
        self._ended()


def refuse_diverged(vectors: NDArray[np.float32], alpha: float) -> None:
    """Refuse vectors that training has spoilt.

    Args:
        vectors: Of any shape.
        alpha: The initial learning rate.

    Raises:
        NlmkitError: Training diverged: a vector is not finite.
    """
    if not np.isfinite(vectors).all():
        raise NlmkitError(f"training diverged: a vector is not finite; try a lower alpha (now {alpha:g})")


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode())
