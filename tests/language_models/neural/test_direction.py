"""Backward models: in everything the forward model of the mirrored text, with values at the words they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from nlmkit import HyperParameterError, LanguageModel, compare, load
from nlmkit.cli.group import nlmkit
from nlmkit.core.run import RunOptions
from nlmkit.language_models.base import Context
from nlmkit.language_models.combined.cache import Cache
from nlmkit.language_models.combined.dynamic import DynamicEvaluation
from nlmkit.language_models.combined.mixture import Mixture
from nlmkit.language_models.combined.temperature import Temperature
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.testing import language_model as kit

pytestmark = pytest.mark.slow

TRAIN = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "", "the bird sees the cat and sings"] * 3
VALID = ["a dog sings", "", "the cat and a bird sing", "the dog sings"]
TEST = ["a dog sings", "", "the zebra sees the cat", "a bird and a bird and a cat", "bird", "the cat"]
WORDS = ["the", "cat", "sees", "dog", "a", "bird", "sings", "and"]
TINY: dict[str, Any] = {"hidden": 8, "embedding": 6, "epochs": 3, "batch": 4, "lr": 0.03}
CONTEXTS: Any = pytest.mark.parametrize("context", ["sentence", "stream"])


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products, and equal bytes are promised for equal thread counts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def mirrored(text: list[str]) -> list[str]:
    return [" ".join(line.split()[::-1]) for line in text[::-1]]


def placed(values: Any, text: list[str]) -> list[Any]:
    """Values by event of the mirrored text, at the events of ``text``."""
    rest, found = list(values), []
    for line in text[::-1]:
        events = len(line.split()) + 1
        own, rest = rest[:events], rest[events:]
        found = [*own[-2::-1], own[-1], *found]
    return found


Pair = tuple[LanguageModel, LanguageModel]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A vocabulary file, so that both texts have the same ids."""
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def pair(words: str) -> tuple[LSTM, LSTM]:
    """A backward model, and the forward model of the mirrored text."""
    backward = LSTM(**TINY, dropout=0.0, vocabulary_file=words, direction="backward").fit(TRAIN, valid=VALID)
    forward = LSTM(**TINY, dropout=0.0, vocabulary_file=words).fit(mirrored(TRAIN), valid=mirrored(VALID))
    return backward, forward


def same_weights(one: Any, two: Any) -> bool:
    arrays, others = one.fitted_state().arrays, two.fitted_state().arrays
    return arrays.keys() == others.keys() and all(np.array_equal(arrays[name], others[name]) for name in arrays)


@pytest.mark.parametrize("cls", [LSTM, GRU, RNNLM])
def test_a_backward_model_is_trained_on_the_reversed_text(cls: Any, words: str) -> None:
    options = {**TINY, "epochs": 1, "vocabulary_file": words, "noising": 0.2, "noising_scheme": "kneser-ney"}
    backward = cls(**options, direction="backward").fit(TRAIN, valid=VALID)
    assert same_weights(backward, cls(**options).fit(mirrored(TRAIN), valid=mirrored(VALID)))
    assert not same_weights(backward, cls(**options).fit(TRAIN, valid=VALID))


def test_the_kit_reads_the_reversed_text_too() -> None:
    """The checks that walk through a text; the others do not depend on the direction."""
    settings = {**LSTM.conformance_settings, "epochs": 1, "direction": "backward"}
    subject = kit.Subject(LSTM(**settings), tolerance=1e-5, sum_tolerance=1e-5)
    for check in (
        kit.log_probs_are_those_of_the_state_machine,
        kit.distributions_are_those_of_the_state_machine,
        kit.earlier_words_do_not_depend_on_later_ones,
        kit.sentences_do_not_depend_on_each_other,
        kit.labels_fit_the_signature,
    ):
        check(subject)


@pytest.fixture(scope="module", params=["lstm", "cache", "neural-cache", "dynamic", "temperature", "mixture"])
def models(request: pytest.FixtureRequest, pair: tuple[LSTM, LSTM], words: str) -> Pair:
    """A backward model and its mirror image, alone and in each model that combines others."""
    kinds: dict[str, Any] = {
        "lstm": lambda model, train, valid: model,
        "cache": lambda model, train, valid: Cache(model=model, window=7).fit(valid=valid),
        "neural-cache": lambda model, train, valid: Cache(model=model, method="neural", window=5).fit(valid=valid),
        "dynamic": lambda model, train, valid: DynamicEvaluation(model=model, tuning_events=12, segment=3).fit(
            train, valid=valid
        ),
        "temperature": lambda model, train, valid: Temperature(model=model).fit(valid=valid),
        "mixture": lambda model, train, valid: Mixture(
            models=(model, Temperature(model=model, temperature=2.0).fit())
        ).fit(valid=valid),
    }
    make = kinds[request.param]
    backward, forward = pair
    return make(backward, TRAIN, VALID), make(forward, mirrored(TRAIN), mirrored(VALID))


@CONTEXTS
def test_scores_are_those_of_the_mirrored_text(models: Pair, context: Context) -> None:
    backward, forward = models
    assert backward.reads_backward
    assert not forward.reads_backward
    expected = placed(forward.log_probs(mirrored(TEST), context=context), TEST)
    np.testing.assert_allclose(backward.log_probs(TEST, context=context), expected, rtol=0, atol=1e-5)
    assert backward.perplexity(TEST, context=context) == pytest.approx(
        forward.perplexity(mirrored(TEST), context=context), abs=1e-4
    )
    chunks = list(backward.distributions(TEST, context=context))
    assert [len(chunk) for chunk in chunks] == [len(line.split()) + 1 for line in TEST]
    rows = placed(np.concatenate(list(forward.distributions(mirrored(TEST), context=context))), TEST)
    np.testing.assert_allclose(np.exp(np.concatenate(chunks)), np.exp(rows), rtol=0, atol=1e-5)


@CONTEXTS
def test_scores_are_those_of_the_state_machine(models: Pair, context: Context) -> None:
    backward, _ = models
    expected = LanguageModel.log_probs(backward, TEST, context=context)
    np.testing.assert_allclose(backward.log_probs(TEST, context=context), expected, rtol=0, atol=1e-5)
    rows = np.concatenate(list(LanguageModel.distributions(backward, TEST, context=context)))
    found = np.concatenate(list(backward.distributions(TEST, context=context)))
    np.testing.assert_allclose(np.exp(found), np.exp(rows), rtol=0, atol=1e-5)


def test_combined_models_fit_the_same_values_and_report_the_direction(models: Pair) -> None:
    backward, forward = models
    own, other = (getattr(model, "fit_report_", {}) for model in models)
    for name in ("weight", "decay", "theta", "lr", "temperature", "weights", "validation_perplexity"):
        if isinstance(own.get(name), (float, list)):
            np.testing.assert_allclose(own[name], other[name], rtol=1e-3, atol=1e-6, err_msg=name)
    report = backward.report(TEST)
    assert report.direction == "backward"
    assert "|dir:backward|" in report.signature
    assert "|dir:" not in forward.report(TEST).signature


def test_samples_are_in_the_order_of_the_text(models: Pair) -> None:
    backward, forward = models
    for seed in range(3):
        assert backward.generate(seed=seed, max_tokens=5) == forward.generate(seed=seed, max_tokens=5)[::-1]
    found = backward.generate(prompt="the dog", seed=1, max_tokens=5)
    assert found == forward.generate(prompt="dog the", seed=1, max_tokens=5)[::-1]


@CONTEXTS
def test_hidden_states_and_features_are_those_before_each_event(pair: tuple[LSTM, LSTM], context: Context) -> None:
    backward, forward = pair
    expected = placed(np.concatenate(list(forward.hidden_states(mirrored(TEST), context=context))), TEST)
    found = list(backward.hidden_states(TEST, context=context))
    assert [len(chunk) for chunk in found] == [len(line.split()) + 1 for line in TEST]
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=0, atol=1e-5)
    features = placed(forward.output_features(mirrored(TEST), context=context), TEST)
    np.testing.assert_allclose(backward.output_features(TEST, context=context), features, rtol=0, atol=1e-5)


def test_an_inspection_has_the_steps_in_the_order_of_reading(pair: tuple[LSTM, LSTM]) -> None:
    backward, forward = pair
    found, expected = backward.inspect("the cat sings"), forward.inspect("sings cat the")
    assert found.inputs == expected.inputs == ("</s>", "sings", "cat", "the")
    assert found.targets == expected.targets == ("sings", "cat", "the", "</s>")
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-6)
    np.testing.assert_allclose(found.layers[0]["hidden"], expected.layers[0]["hidden"], atol=1e-6)
    np.testing.assert_allclose(found.gradient_norms["cell"], expected.gradient_norms["cell"], atol=1e-6)


def test_directions_cannot_be_mixed_and_are_compared_by_sentence(pair: tuple[LSTM, LSTM]) -> None:
    backward, forward = pair
    with pytest.raises(HyperParameterError, match=r"model 1 \(lstm\) and model 2 \(lstm\) read backward and forward"):
        Mixture(models=pair, weights=(0.5, 0.5)).fit()
    found = compare([forward, backward], TEST, samples=10, progress=None)
    assert len(found.ranked) == 2
    assert "direction" in found.differing
    totals = {row.model: row.report.log_prob for row in found.ranked}
    assert totals["lstm (2)"] == pytest.approx(float(backward.log_probs(TEST).sum()))


def test_a_model_starts_only_from_one_of_the_same_direction(pair: tuple[LSTM, LSTM]) -> None:
    backward, forward = pair
    for start, direction in ((backward, "forward"), (forward, "backward")):
        other = "backward" if direction == "forward" else "forward"
        with pytest.raises(HyperParameterError, match=f"start_from was fitted with direction={other}"):
            LSTM(**TINY, direction=direction, start_from=start).fit(TRAIN)
    more = LSTM(**{**TINY, "lr": 1e-9}, direction="backward", start_from=backward).fit(["the dog meets a cat"])
    np.testing.assert_allclose(more.log_probs(["a cat"]), backward.log_probs(["a cat"]), atol=0.1)


def test_the_feed_forward_model_has_no_direction() -> None:
    with pytest.raises(HyperParameterError, match="direction is not for nnlm: it reads the words before"):
        NNLM(direction="backward")
    assert not NNLM().reads_backward


def test_only_a_backward_model_saves_its_direction(pair: tuple[LSTM, LSTM], tmp_path: Path) -> None:
    backward, forward = pair
    assert "direction" not in forward.saved_params()
    assert backward.saved_params()["direction"] == "backward"
    backward.save(tmp_path / "lm")
    again = load(tmp_path / "lm", LSTM)
    assert again.reads_backward
    assert again.digest == backward.digest
    assert np.array_equal(again.log_probs(TEST), backward.log_probs(TEST))


class _Interrupt:
    """A display that presses Ctrl-C after some steps of training."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def start(self, description: str, total: float | None = None) -> None:
        pass

    def advance(self, amount: float) -> None:
        self.left -= int(amount)
        if not self.left:
            raise KeyboardInterrupt

    def show(self, text: str) -> None:
        pass


def test_an_interrupted_backward_model_resumes(tmp_path: Path) -> None:
    options = {**TINY, "bptt": 5, "direction": "backward"}
    whole = LSTM(**options).fit(TRAIN, valid=VALID)
    with pytest.raises(KeyboardInterrupt):
        LSTM(**options).fit(TRAIN, valid=VALID, run=RunOptions(checkpoint=str(tmp_path), progress=_Interrupt(4)))
    resumed = LSTM(**options).fit(TRAIN, valid=VALID, run=RunOptions(checkpoint=str(tmp_path), resume=True))
    assert same_weights(whole, resumed)


def test_the_command_line_aligns_tokens_and_prints_text(pair: tuple[LSTM, LSTM], tmp_path: Path) -> None:
    backward, _ = pair
    folder, text = str(tmp_path / "lm"), tmp_path / "test.txt"
    backward.save(folder)
    text.write_text("\n".join(TEST) + "\n", encoding="utf-8")
    for context in ("sentence", "stream"):
        result = CliRunner().invoke(nlmkit, ["perplexity", folder, str(text), "--per-token", "--context", context])
        assert result.exit_code == 0, result.output
        rows = [line.split("\t") for line in result.stdout.splitlines()[1:]]
        assert [row[2] for row in rows] == [word for line in TEST for word in (*line.split(), "</s>")]
        expected = backward.log_probs(TEST, context=context)  # type: ignore[arg-type]
        np.testing.assert_allclose([float(row[3]) for row in rows], expected, atol=1e-5)
        lines = CliRunner().invoke(nlmkit, ["perplexity", folder, str(text), "--per-line", "--context", context])
        sums = np.add.reduceat(expected, np.cumsum([0, *(len(line.split()) + 1 for line in TEST)])[:-1])
        found = [float(line.split("\t")[1]) for line in lines.stdout.splitlines()[1:]]
        np.testing.assert_allclose(found, sums, atol=1e-4)
    report = CliRunner().invoke(nlmkit, ["perplexity", folder, str(text)])
    assert "direction           backward, from last word to first" in report.stdout
    sampled = CliRunner().invoke(
        nlmkit, ["generate", folder, "--prompt", "the dog", "--seed", "1", "--max-tokens", "4"]
    )
    words = backward.generate(prompt="the dog", seed=1, max_tokens=4)
    assert sampled.stdout == " ".join([*words, "the dog"]) + "\n"
