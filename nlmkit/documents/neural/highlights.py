"""Which words a prediction rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nlmkit.documents.neural.encoders import ConvolutionEncoder, HierarchicalEncoder, RecurrentConvolutionEncoder
from nlmkit.layers.convolution import MaxPoolIndices

if TYPE_CHECKING:
    from nlmkit.documents.neural.estimator import NeuralTextModel


def highlights(classifier: NeuralTextModel, text: str) -> list[tuple[str, float]]:
    """The words of a text with what each adds to the class that a fitted classifier with filters predicts."""
    return added_by_words(classifier, text, lambda logits, weights: against_the_others(weights, int(logits.argmax())))


def added_by_words(
    model: NeuralTextModel, text: str, weigh: Callable[[Tensor, Tensor], Tensor]
) -> list[tuple[str, float]]:
    """The words of a text with what each adds to an answer of a fitted model with filters.

    Args:
        model: The model.
        text: The text.
        weigh: Gives the weights of the features for that answer, [F], from the outputs [O] and the weights of the last
            layer [O, F].
    """
    words, vectors, batch = model.embed_one(text)
    module = model.module_
    assert isinstance(module.encoder, (ConvolutionEncoder, RecurrentConvolutionEncoder))
    with torch.inference_mode():
        pooled = module.encoder.pool_indices(vectors, batch, module.generator)
        outputs = (pooled.values @ module.weight.T + module.bias)[0]
        return list(zip(words, by_pooled_features(pooled, weigh(outputs, module.weight), len(words)), strict=True))


def attention_of(model: NeuralTextModel, text: str) -> tuple[list[float], list[list[float]]]:
    """A text's attention in a fitted hierarchical network: weights of its sentences, and of the words in each."""
    _, batch, extra = model.batch_of_one(text)
    module = model.module_
    assert isinstance(module.encoder, HierarchicalEncoder)
    with torch.inference_mode(), module.words.with_extra(extra):
        _, of_words, of_sentences = module.encoder.attend(module.words, batch, module.generator)
    lengths = batch.lengths.tolist()
    rows: list[list[float]] = [[] for _ in lengths]
    for group, weights in zip(batch.groups, of_words, strict=False):  # there are none for an empty text
        for number, row in zip(group.numbers.tolist(), weights.double().tolist(), strict=True):
            rows[number] = row[: lengths[number]]
    return of_sentences[0, : int(batch.sentences[0])].double().tolist(), rows


def by_pooled_features(pooled: MaxPoolIndices, weight: Tensor, tokens: int) -> list[float]:
    """What each word adds to the answer by way of the windows that won the pooling.

    A feature counts by its value times its weight: of a classifier (its weight for the predicted class − the mean of
    its weights for the others), in nats of the logit. The real words of its window share that evenly. Windows of
    nothing but padding are left out.

    Args:
        pooled: Of one text.
        weight: Of each feature for the answer: float32 [F].
        tokens: Words of the text.
    """
    added = (pooled.values[0] * weight).double()
    begins, widths = pooled.begins[0], pooled.widths
    places = torch.arange(tokens, device=begins.device)
    covered = (places >= begins.unsqueeze(1)) & (places < (begins + widths).unsqueeze(1))
    words = covered.sum(dim=1)
    share = torch.where(words > 0, added / words.clamp_min(1), torch.zeros_like(added))
    return [float(value) for value in (covered * share.unsqueeze(1)).sum(dim=0)]


def against_the_others(weight: Tensor, predicted: int) -> Tensor:
    """A class's weights minus the mean of those of the other classes: [F].

    Args:
        weight: Of the last layer: [C, F].
        predicted: Number of the class.
    """
    others = [number for number in range(len(weight)) if number != predicted]
    return weight[predicted] - weight[others].mean(dim=0)
