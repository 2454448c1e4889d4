"""Start of a decoder from a fitted language model: word vectors, recurrent layers, projection and output layer.

The language model reads ``</s>`` first, from the zero state, as a decoder does. Where its weights are copied, the
weights of everything that it lacks (first state, contexts, fed inputs) begin at zero, so that the decoder begins as
the language model itself, whatever the source.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nlmkit.errors import HyperParameterError
from nlmkit.layers.recurrent import RecurrentStack
from nlmkit.layers.softmax import FullSoftmax
from nlmkit.text.vocabulary import UNK_ID

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.neural.estimator import NeuralLanguageModel
    from nlmkit.layers.recurrent import RecurrentLayer
    from nlmkit.seq2seq.neural.module import ConditionalModule
    from nlmkit.seq2seq.neural.readout import Readout
    from nlmkit.text import Tokenization, Vocabulary

NAME = "decoder_language_model"


def fitted_language_model(
    given: str | LanguageModel, *, kind: str, hidden: int, layers: int, embedding: int, tied: bool
) -> NeuralLanguageModel:
    """Return the language model, loaded and checked against the sizes of the decoder.

    Args:
        given: The model, or its folder.
        kind: Recurrent layers of the decoder: ``lstm`` or ``gru``.
        hidden: Units of its layers.
        layers: Number of its layers.
        embedding: Width of its word vectors.
        tied: Whether its word vectors are its output weights.

    Raises:
        HyperParameterError: It is not a fitted language model of these sizes, or has an option that a decoder lacks.
        SavedModelError: It cannot be loaded.
    """
    from nlmkit.language_models.neural.estimator import NeuralLanguageModel

    where = f"{NAME}={given}" if isinstance(given, str) else NAME
    found: Any = given
    if isinstance(given, str):
        from nlmkit.core.storage import load

        found = load(given)
    if not isinstance(found, NeuralLanguageModel) or found.name != kind:
        raise HyperParameterError(f"{where} is of type {found.name}: expected a fitted {kind}, as set by decoder")
    if not found.is_fitted:
        raise HyperParameterError(f"{where} is not fitted: fit the language model first")
    options: Any = found
    module = found.module_
    own = {"hidden": hidden, "layers": layers, "embedding": embedding, "tied": tied}
    stack: Any = module.body
    theirs = {
        "hidden": stack.layers[0].hidden,
        "layers": len(stack.layers),
        "embedding": module.words.width,
        "tied": module.output.tied,
    }
    other = [f"{name}={value}" for name, value in theirs.items() if value != own[name]]
    if other:
        mine = ", ".join(f"{name}={own[name]}" for name in theirs if theirs[name] != own[name])
        raise HyperParameterError(f"{where} has {', '.join(other)}, but the decoder {mine}: set the same values")
    lacking = [f"{name}={getattr(options, name)}" for name in ("zoneout", "layer_norm") if getattr(options, name)]
    if found.reads_backward:
        lacking.append("direction=backward")
    if not isinstance(module.output, FullSoftmax):
        lacking.append(f"softmax={options.softmax}")
    if stack.width != hidden or module.output.width != embedding:  # features are as wide as the word vectors
        lacking.append(f"projection={options.projection}")
    if lacking:
        raise HyperParameterError(f"{where} has {', '.join(lacking)}, which a decoder lacks")
    return found


def check_tokenization(lm: NeuralLanguageModel, tokenization: Tokenization) -> None:
    """Raise unless the language model reads text as the targets are read.

    Raises:
        HyperParameterError: It does not.
    """
    own, theirs = dataclasses.asdict(tokenization), dataclasses.asdict(lm.tokenization_)
    other = [f"{name}={value}" for name, value in theirs.items() if value != own[name]]
    if other:
        raise HyperParameterError(f"{NAME} reads text with {', '.join(other)}: set the same for the targets")


def copy_language_model(
    lm: NeuralLanguageModel, vocabulary: Vocabulary, module: ConditionalModule, stack: RecurrentStack, readout: Readout
) -> dict[str, Any]:
    """Copy the weights of a language model into a decoder, and return facts for the fit report.

    A word that the language model lacks gets the vector of its ``<unk>``; all such words share the probability of
    ``<unk>``.

    Args:
        lm: The language model, of the same sizes.
        vocabulary: Vocabulary of the targets.
        module: The network; the words and the output layer of its targets are set.
        stack: Layers of the decoder; the inputs of the first layer are the word's vector, then what is fed.
        readout: Linear features of the output of the layers.

    Raises:
        HyperParameterError: The language model knows none of the words.
    """
    theirs, own = lm.module_, module
    ids = lm.vocabulary_.ids(vocabulary.words).astype(np.int64)
    known = (ids != UNK_ID) | (np.arange(len(ids)) == UNK_ID)
    if known.sum() <= 3:  # the special words
        raise HyperParameterError(f"{NAME} knows none of the {len(vocabulary)} words of the targets")
    places = torch.from_numpy(ids)
    missing = torch.from_numpy(~known)
    with torch.no_grad():
        own.words.weight[own.words.rank] = theirs.words.weight.cpu()[theirs.words.rank.cpu()[places]]
        _copy_output(theirs.output, own.output, places, missing)
        for layer, other in zip(_layers(stack), _layers(theirs.body), strict=True):
            layer.weight_input.zero_()
            layer.weight_input[:, : other.inputs] = other.weight_input.cpu()
            layer.weight_recurrent.copy_(other.weight_recurrent)
            layer.bias.copy_(other.bias)
        if readout.weight_context is not None:
            readout.weight_context.zero_()
        if theirs.projection is None:
            readout.weight_hidden.copy_(torch.eye(*readout.weight_hidden.shape))
            readout.bias.zero_()
        else:
            readout.weight_hidden.copy_(theirs.projection.weight)
            readout.bias.copy_(theirs.projection.bias)
    return {"component": lm.name, "digest": lm.digest, "known_words": int(known.sum()), "words": len(vocabulary)}


def _copy_output(theirs: Any, own: Any, places: Tensor, missing: Tensor) -> None:
    """Copy weights and biases of the output layer, by vocabulary id; ``<s>`` has none."""
    rows, sources = own.words.rank, theirs.words.rank.cpu()[places]
    real = rows < own.predictable
    if not own.tied:
        own.weight[rows[real]] = theirs.weight.cpu()[sources[real]]
    biases = theirs.bias.cpu()[sources[real].clamp(max=theirs.predictable - 1)]
    shared = missing[real]
    count = int(shared.sum())
    if count:  # they share the probability of <unk> with it
        shared = shared | (places[real] == UNK_ID)
        biases = torch.where(shared, biases - float(np.log(count + 1)), biases)
    own.bias[rows[real]] = biases


def _layers(stack: Any) -> list[RecurrentLayer]:
    return list(stack.layers)
