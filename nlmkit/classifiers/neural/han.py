"""Hierarchical attention network."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.core.parameters import param
from nlmkit.core.presets import with_default
from nlmkit.documents.neural.options import InputOptions, TrainingOptions

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.documents.neural.batching import Documents
    from nlmkit.documents.neural.encoders import HierarchicalEncoder
    from nlmkit.text import Corpus


@dataclasses.dataclass(kw_only=True)
class HAN(NeuralClassifier):
    """Hierarchical attention network (Yang et al. 2016, "Hierarchical Attention Networks for Document Classification").

    A bidirectional GRU reads the words of each sentence, and attention sums its outputs to the sentence vector;
    another reads the sentences of the document, and attention sums to the document vector. A linear layer maps it
    to classes.

    ``nlmkit.documents.neural.sentences`` defines sentence ends, in English and Chinese.

    The sizes are the paper's: GRUs of 50 units per direction, attention of 100 units. Its optimizer, SGD with
    momentum and a searched rate, is not used.
    """

    name = "han"

    hidden: int = param(50, ge=1, le=65536, help="units of each GRU, per direction")
    attention: int = param(100, ge=1, le=65536, help="units of each attention")
    dropout_sentence: float = param(0.3, ge=0, lt=1, help="dropout on the sentence vectors")
    embedding: int = with_default(InputOptions, "embedding", 200)
    clip_norm: float | None = with_default(TrainingOptions, "clip_norm", 5.0)
    dropout_input: float = with_default(InputOptions, "dropout_input", 0.3)

    def build_encoder(self, inputs: int, generator: torch.Generator) -> HierarchicalEncoder:
        """Build both levels; see ``NeuralTextModel.build_encoder``."""
        from nlmkit.documents.neural.encoders import HierarchicalEncoder

        return HierarchicalEncoder(inputs, self.hidden, self.attention, generator, dropout=self.dropout_sentence)

    def divide(self, corpus: Corpus, ids: NDArray[np.int64]) -> Documents:
        """Split documents into sentences; see ``NeuralTextModel.divide``."""
        from nlmkit.documents.neural.batching import Documents
        from nlmkit.documents.neural.sentences import sentence_bounds

        sentences, documents = sentence_bounds(corpus, characters=self.tokenizer == "char")
        return Documents(ids, sentences, documents)

    def sizes(self) -> Mapping[str, int]:
        """See ``NeuralTextModel.sizes``."""
        return {"hidden": 2 * self.hidden, "attention": self.attention}

    def sentences(self, text: str) -> list[list[str]]:
        """Return the sentences of a text, each as a list of tokens."""
        from nlmkit.documents.neural.sentences import sentence_bounds

        corpus = self.encode([text])
        words = corpus.sentence(0)
        bounds = sentence_bounds(corpus, characters=self.tokenizer == "char")[0].tolist()
        return [words[begin:end] for begin, end in itertools.pairwise(bounds)]

    def attention_weights(self, text: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the attention weights of the sentences of a text, and of each word within its sentence.

        Returns:
            Weights of the sentences, float64 [sentences], which sum to one; and of the words, float64 [words], which
            sum to one per sentence. Both are empty for an empty text.
        """
        import numpy as np

        from nlmkit.documents.neural.highlights import attention_of

        of_sentences, of_words = attention_of(self, text)
        return np.array(of_sentences), np.array([weight for row in of_words for weight in row])

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """Return the words of a text, each with its attention times that of its sentence; they sum to one."""
        from nlmkit.documents.neural.highlights import attention_of

        of_sentences, of_words = attention_of(self, text)
        weights = [share * weight for share, row in zip(of_sentences, of_words, strict=True) for weight in row]
        return list(zip(self.encode([text]).sentence(0), weights, strict=True))
