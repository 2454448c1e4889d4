"""What ``inspect`` shows, against the equations computed again in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nlmkit import Corpus, DataError, NotFittedError
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.inspection import inspect
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM

TRAIN = ["the cat sees the dog", "a bird sings", "the dog sees a cat"]
SENTENCE = "the bird sees a cat"
OPTIONS = {"hidden": 5, "embedding": 5, "epochs": 1, "batch": 4, "projection": "none", "layers": 2}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fitted(cls: type[NeuralLanguageModel], **options: Any) -> NeuralLanguageModel:
    """A model whose weights are large enough to be seen."""
    lm = cls(**{**OPTIONS, **options}).fit(TRAIN)
    source = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in lm.module_.parameters():
            parameter.copy_(0.7 * torch.randn(parameter.shape, generator=source))
    return lm


def weights(lm: NeuralLanguageModel) -> dict[str, NDArray[np.float64]]:
    return {name: array.astype(np.float64) for name, array in lm.fitted_state().arrays.items()}


def vectors(lm: NeuralLanguageModel) -> NDArray[np.float64]:
    """Vectors of what is read: ``</s>``, then the words."""
    ids = [2, *(lm.vocabulary_.id(word) for word in SENTENCE.split())]
    return lm.module_.word_vectors().double().numpy()[ids]


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def test_lstm_gates_and_states_follow_the_equations() -> None:
    lm = fitted(LSTM)
    inputs, arrays = vectors(lm), weights(lm)
    for number, layer in enumerate(lm.inspect(SENTENCE).layers):
        w, u, b = (arrays[f"body.layers.{number}.{part}"] for part in ("weight_input", "weight_recurrent", "bias"))
        hidden, cell = np.zeros(5), np.zeros(5)
        for step, vector in enumerate(inputs):
            i, f, g, o = np.split(w @ vector + u @ hidden + b, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            hidden = sigmoid(o) * np.tanh(cell)
            expected = {"input": sigmoid(i), "forget": sigmoid(f), "candidate": np.tanh(g), "output": sigmoid(o)}
            for name, values in {**expected, "cell": cell, "hidden": hidden}.items():
                assert layer[name].dtype == np.float32
                np.testing.assert_allclose(layer[name][step], values, atol=1e-5, err_msg=f"{name} of step {step}")
        assert set(layer) == {"input", "forget", "candidate", "output", "cell", "hidden"}
        inputs = layer["hidden"].astype(np.float64)


def test_gru_gates_and_states_follow_the_equations() -> None:
    lm = fitted(GRU)
    inputs, arrays = vectors(lm), weights(lm)
    for number, layer in enumerate(lm.inspect(SENTENCE).layers):
        w, u, b = (arrays[f"body.layers.{number}.{part}"] for part in ("weight_input", "weight_recurrent", "bias"))
        hidden = np.zeros(5)
        for step, vector in enumerate(inputs):
            driven, recurrent = np.split(w @ vector + b, 3), np.split(u @ hidden, 3)
            reset, update = (sigmoid(driven[gate] + recurrent[gate]) for gate in (0, 1))
            candidate = np.tanh(driven[2] + reset * recurrent[2])
            hidden = update * hidden + (1 - update) * candidate
            expected = {"reset": reset, "update": update, "candidate": candidate, "hidden": hidden}
            for name, values in expected.items():
                np.testing.assert_allclose(layer[name][step], values, atol=1e-5, err_msg=f"{name} of step {step}")
        assert set(layer) == {"reset", "update", "candidate", "hidden"}
        inputs = layer["hidden"].astype(np.float64)


def test_rnn_states_and_gradient_norms_follow_the_equations() -> None:
    lm = fitted(RNNLM, layers=1)
    arrays = weights(lm)
    w, u, b = (arrays[f"body.layers.0.{part}"] for part in ("weight_input", "weight_recurrent", "bias"))
    found = lm.inspect(SENTENCE)
    states = [np.zeros(5)]
    for vector in vectors(lm):
        states.append(np.tanh(w @ vector + u @ states[-1] + b))
    np.testing.assert_allclose(found.layers[0]["hidden"], states[1:], atol=1e-5)

    # ∂(−ln p)/∂h by hand: E'ᵀ(p − 1[target]) at the last step, then one factor Uᵀ diag(1 − h²) a step back.
    tied = lm.module_.word_vectors().double().numpy()
    targets = [*(lm.vocabulary_.id(word) for word in SENTENCE.split()), 2]
    distributions = np.exp(next(iter(lm.distributions([SENTENCE]))))
    norms = found.gradient_norms["hidden"]
    assert norms.shape == (1, 6, 6)
    for last, target in enumerate(targets):
        error = distributions[last].copy()
        error[target] -= 1
        gradient = tied.T @ error
        for back in range(last + 1):
            assert norms[0, last, back] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
            gradient = u.T @ ((1 - states[last + 1 - back] ** 2) * gradient)
        assert np.isnan(norms[0, last, last + 1 :]).all()
    mean = found.mean_gradient_norms()["hidden"]
    assert mean[0, 2] == pytest.approx(norms[0, 2:, 2].mean())
    assert mean[0, 5] == norms[0, 5, 5]


@pytest.mark.parametrize("cls", [LSTM, GRU, RNNLM, NNLM])
def test_what_is_read_and_predicted_stands_beside_the_activations(cls: type[NeuralLanguageModel]) -> None:
    lm = fitted(cls) if cls is not NNLM else NNLM(hidden=5, embedding=4, epochs=1, batch=4, order=3).fit(TRAIN)
    found = lm.inspect("the okapi sees")
    assert found.inputs == ("</s>", "the", "okapi", "sees")
    assert found.targets == ("the", "okapi", "sees", "</s>")
    np.testing.assert_allclose(found.log_probs, lm.log_probs(["the okapi sees"]), rtol=0, atol=1e-5)
    hidden = next(iter(lm.hidden_states(["the okapi sees"])))
    np.testing.assert_allclose(found.layers[-1]["hidden"], hidden, atol=1e-6)
    assert [values.shape for layer in found.layers for values in layer.values()] == [(4, 5)] * sum(
        map(len, found.layers)
    )
    assert lm.inspect(["the", "okapi", "sees"]).inputs == found.inputs


def test_a_blank_sentence_has_one_step() -> None:
    found = fitted(LSTM).inspect("")
    assert (found.inputs, found.targets) == (("</s>",), ("</s>",))
    assert found.gradient_norms["cell"].shape == (2, 1, 1)


def test_the_lstm_keeps_a_gradient_that_the_rnn_loses() -> None:
    """With open forget gates and equal recurrent weights of norm below one, over forty words."""
    sentence = "the cat sees the dog " * 8
    ends = {}
    for cls in (RNNLM, LSTM):
        lm = fitted(cls, layers=1)
        layer = lm.module_.body.layers[0]
        with torch.no_grad():
            layer.weight_recurrent.mul_(0.3)
            if cls is LSTM:
                layer.bias[5:10] = 6.0  # forget
        norms = lm.inspect(sentence).gradient_norms["cell" if cls is LSTM else "hidden"][0, -1]
        ends[cls] = norms[-1] / norms[0]
    assert ends[LSTM] > 0.1
    assert ends[RNNLM] < 1e-9


def test_gradients_can_be_left_out_and_nothing_is_left_behind() -> None:
    lm = fitted(LSTM)
    before = {name: array.copy() for name, array in lm.fitted_state().arrays.items()}
    assert dict(lm.inspect(SENTENCE, gradients=False).gradient_norms) == {}
    lm.inspect(SENTENCE)
    assert all(parameter.grad is None for parameter in lm.module_.parameters())
    assert not lm.module_.training
    assert all(np.array_equal(array, before[name]) for name, array in lm.fitted_state().arrays.items())


def test_only_a_sentence_and_a_fitted_model_can_be_inspected() -> None:
    with pytest.raises(NotFittedError):
        LSTM().inspect("a")
    lm = fitted(LSTM)
    with pytest.raises(DataError, match="several lines"):
        lm.inspect("a\nb")
    with pytest.raises(DataError, match="one sentence, not 2"):
        inspect(lm.module_, Corpus.read(["a", "b"]), lm.vocabulary_)


def test_without_a_recurrent_state_no_gradient_goes_back() -> None:
    lm = NNLM(hidden=5, embedding=4, epochs=1, batch=4, order=3).fit(TRAIN)
    norms = lm.inspect(SENTENCE).gradient_norms["hidden"][0]
    assert (norms[:, 0] > 0).all()
    assert np.nansum(norms[:, 1:]) == 0
