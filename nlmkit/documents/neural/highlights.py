"""Contributions of words to a prediction."""

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
    """Return the words of a text with their contributions to the class predicted by a classifier with filters."""
    return added_by_words(classifier, text, lambda logits, weights: against_the_others(weights, int(logits.argmax())))


def added_by_words(
    model: NeuralTextModel, text: str, weigh: Callable[[Tensor, Tensor], Tensor]
) -> list[tuple[str, float]]:
    """Return the words of a text with their contributions to a prediction of a fitted model with filters.

    Args:
        model: The model.
        text: The text.
        weigh: Returns the weights of the features for that prediction, [F], from the outputs [O] and those of the last
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
    """Return the attention weights of a text's sentences, and of the words in each, in a hierarchical network."""
    _, batch, extra = model.batch_of_one(text)
    module = model.module_
    assert isinstance(module.encoder, HierarchicalEncoder)
    with torch.inference_mode(), module.words.with_extra(extra):
        _, of_words, of_sentences = module.encoder.attend(module.words, batch, module.generator)
    lengths = batch.lengths.tolist()
    rows: list[list[float]] = [[] for _ in lengths]
    for group, weights in zip(batch.groups, of_words, strict=False):  # no groups for an empty text
        for number, row in zip(group.numbers.tolist(), weights.double().tolist(), strict=True):
            rows[number] = row[: lengths[number]]
    return of_sentences[0, : int(batch.sentences[0])].double().tolist(), rows


def by_pooled_features(pooled: MaxPoolIndices, weight: Tensor, tokens: int) -> list[float]:
    """Return the contribution of each word to the prediction through the windows selected by max pooling.

    A feature contributes its value times its weight: for a classifier (its weight for the predicted class − the mean of
    its weights for the others), in nats of the logit. The words of its window, padding excluded, share that equally.
    Windows of padding alone are skipped.

    Args:
        pooled: Max-pooling indices of one text.
        weight: Weight of each feature for the prediction: float32 [F].
        tokens: Number of words of the text.
    """
    added = (pooled.values[0] * weight).double()
    begins, widths = pooled.begins[0], pooled.widths
    places = torch.arange(tokens, device=begins.device)
    covered = (places >= begins.unsqueeze(1)) & (places < (begins + widths).unsqueeze(1))
    words = covered.sum(dim=1)
    share = torch.where(words > 0, added / words.clamp_min(1), torch.zeros_like(added))
    return [float(value) for value in (covered * share.unsqueeze(1)).sum(dim=0)]


def against_the_others(weight: Tensor, predicted: int) -> Tensor:
    """Return the weights of a class minus the mean of those of the other classes: [F].

    Args:
        weight: Weights of the last layer: [C, F].
        predicted: Index of the class.
    """
    others = [number for number in range(len(weight)) if number != predicted]
    return weight[predicted] - weight[others].mean(dim=0)
