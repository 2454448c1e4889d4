"""Dynamic evaluation: its updates by hand, what stays as it was, what is fitted and refused, and its saved form."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from nlmkit.cli.group import nlmkit
from nlmkit.core.storage import load
from nlmkit.errors import DataError, HyperParameterError, NlmkitError, NotFittedError, SavedModelError
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.combined.cache import Cache
from nlmkit.language_models.combined.dynamic import DECAYS, RATES, DynamicEvaluation
from nlmkit.language_models.combined.mixture import Mixture
from nlmkit.language_models.neural.adaptation import gradient_rms
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.language_models.ngram.model import NGram
from nlmkit.saving import load_folder, save_folder
from nlmkit.testing import conformance
from nlmkit.text import BOS_ID, EOS_ID

pytestmark = pytest.mark.slow

TRAIN = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "", "the bird sees the cat and sings"] * 3
VALID = ["a dog sings", "", "the cat and a bird sing", "the dog sings"]
TEST = ["a dog sings", "", "the zebra sees the cat", "a bird and a bird and a bird and a cat", "bird", "the cat"]
TINY: dict[str, Any] = {"hidden": 8, "embedding": 6, "epochs": 4, "batch": 4, "lr": 0.03}
CONTEXTS: Any = pytest.mark.parametrize("context", ["sentence", "stream"])
RULES: Any = pytest.mark.parametrize("rule", ["rms", "sgd"])

test_dynamic_evaluation_conforms = conformance(
    DynamicEvaluation(
        model=LSTM(**LSTM.conformance_settings), lr=0.0003, decay=0.01, statistics_batch=4, statistics_steps=10
    ),
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products, and equal bytes are promised for equal thread counts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def lstm() -> LSTM:
    return LSTM(**TINY).fit(TRAIN)


def dynamic(model: LanguageModel, **options: Any) -> DynamicEvaluation:
    values = {"lr": 0.01, "decay": 0.02, "statistics_batch": 3, **options}
    return DynamicEvaluation(model=model, **values).fit(None if values.get("rule") == "sgd" else TRAIN)


# ------------------------------------------------------------------------------------------------ the update


def named(model: NeuralLanguageModel) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in model.module_.named_parameters()}


def by_hand(lm: DynamicEvaluation, other: NeuralLanguageModel, text: list[str], context: Any) -> list[float]:
    """Log-probabilities by ``backward`` on another network of the same weights, which are then set one by one."""
    module = other.module_
    trained, rms = named(lm.model_), {name: torch.from_numpy(values) for name, values in lm.rms_.items()}
    corpus = other.encode(text)
    ids = corpus.event_ids(other.vocabulary_).tolist()
    inputs, values = [EOS_ID, *ids[:-1]], []
    bounds = corpus.event_offsets.tolist() if context == "sentence" else [0, len(ids)]
    for first, last in itertools.pairwise(bounds):
        state = module.initial_state(1)
        for begin in range(first, last, lm.segment):
            end = min(begin + lm.segment, last)
            output = module(torch.tensor(inputs[begin:end])[:, None], state)
            rows = module.output.all_log_probs(output.features[:, 0])
            found = rows[torch.arange(len(rows)), torch.tensor(ids[begin:end])]
            values += found.tolist()
            module.zero_grad()
            (-found.sum() / len(found)).backward()
            state = tuple(tensor.detach() for tensor in output.state)
            step = {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}
            if lm.clip_norm is not None:
                norm = sum(float((gradient**2).sum()) for gradient in step.values()) ** 0.5
                step = {name: gradient * min(1.0, lm.clip_norm / norm) for name, gradient in step.items()}
            if lm.rule == "sgd":
                shares = {name: torch.tensor(lm.decay_) for name in step}
            else:
                mean = torch.cat([value.flatten() for value in rms.values()]).double().mean().float()
                shares = {name: (lm.decay_ * value / mean).clamp(max=1) for name, value in rms.items()}
                step = {name: gradient / (rms[name] + lm.epsilon * mean) for name, gradient in step.items()}
            for name, weight in module.named_parameters():
                back = shares[name] * (trained[name] - weight.data)
                weight.data = weight.data + back - lm.lr_ * step[name]
    return values


@RULES
@CONTEXTS
@pytest.mark.parametrize("options", [{}, {"segment": 3, "clip_norm": 0.5}, {"decay": 0.9, "epsilon": 0.1}])
def test_weights_follow_as_the_equations_say(rule: str, context: Any, options: dict[str, Any]) -> None:
    model, other = (LSTM(**TINY, layers=2, tied=False).fit(TRAIN) for _ in range(2))
    lm = dynamic(model, rule=rule, lr={"rms": 0.01, "sgd": 0.3}[rule], **options)
    found = lm.log_probs(TEST, context=context)
    assert abs(found - model.log_probs(TEST, context=context)).max() > 0.01
    np.testing.assert_allclose(found, by_hand(lm, other, TEST, context), rtol=0, atol=2e-5)


def test_the_root_mean_squares_are_those_of_the_gradients(lstm: LSTM) -> None:
    ids = lstm.encode(TRAIN).event_ids(lstm.vocabulary_)
    found = gradient_rms(lstm.module_, ids, batch=4, segment=3, steps=5)
    length = len(ids) // 4
    stream = np.concatenate([[EOS_ID], ids])
    grid = np.stack([stream[column * length : column * length + length + 1] for column in range(4)], axis=1)
    squares, state = dict.fromkeys(found, 0.0), lstm.module_.initial_state(4)
    for begin in range(0, 15, 3):
        window = torch.tensor(grid[begin : begin + 4]).long()
        output = lstm.module_(window[:-1], state)
        rows = lstm.module_.output.all_log_probs(output.features.flatten(0, 1))
        loss = -rows[torch.arange(12), window[1:].flatten()].mean()
        gradients = torch.autograd.grad(loss, [weight for _, weight in lstm.module_.named_parameters()])
        for (name, _), gradient in zip(lstm.module_.named_parameters(), gradients, strict=True):
            squares[name] = squares[name] + gradient.double().numpy() ** 2
        state = tuple(tensor.detach() for tensor in output.state)
    for name, values in found.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, np.sqrt(squares[name] / 5), rtol=1e-3, atol=1e-8)
    whole = gradient_rms(lstm.module_, ids, batch=4, segment=3, steps=10**6)
    assert any(abs(whole[name] - found[name]).max() > 1e-4 for name in found)


@RULES
@CONTEXTS
def test_the_first_segment_is_the_models_own(lstm: LSTM, rule: str, context: Any) -> None:
    lm = dynamic(lstm, rule=rule, lr=0.1, segment=7)
    found, static = lm.log_probs(TEST, context=context), lstm.log_probs(TEST, context=context)
    begin = 4 if context == "sentence" else 7
    np.testing.assert_allclose(found[:begin], static[:begin], rtol=0, atol=1e-5)
    assert abs(found[begin:] - static[begin:]).max() > 1e-3


@RULES
@CONTEXTS
def test_a_rate_of_zero_changes_nothing(lstm: LSTM, rule: str, context: Any) -> None:
    lm = dynamic(lstm, rule=rule, lr=0.0, decay=0.5)
    np.testing.assert_allclose(
        lm.log_probs(TEST, context=context), lstm.log_probs(TEST, context=context), rtol=0, atol=1e-5
    )


@RULES
@CONTEXTS
def test_a_repetitive_text_gets_likelier(lstm: LSTM, rule: str, context: Any) -> None:
    text = ["a dog and the bird sings"] * 20
    rate = {"rms": 0.01, "sgd": 1.0}[rule]
    lm = dynamic(lstm, rule=rule, lr=rate, decay=0.0)
    found = lm.log_probs(text, context=context).reshape(20, -1).mean(axis=1)
    static = lstm.log_probs(text, context=context).reshape(20, -1).mean(axis=1)
    assert found[-1] > found[0] + 0.3
    assert static[-1] < static[0] + 0.2
    assert lm.perplexity(text, context=context) < 0.85 * lstm.perplexity(text, context=context)
    held = dynamic(lstm, rule=rule, lr=rate, decay=1.0).log_probs(text, context=context).reshape(20, -1).mean(axis=1)
    assert held[-1] < found[-1] - 0.1  # every step starts from the trained weights, or next to them


# ------------------------------------------------------------------------------------------------ the contract

VARIANTS: list[tuple[type[NeuralLanguageModel], dict[str, Any], dict[str, Any]]] = [
    (LSTM, {}, {}),
    (LSTM, {"layers": 2, "softmax": "adaptive", "softmax_head": 4}, {"rule": "sgd", "lr": 0.2, "segment": 3}),
    (LSTM, {"softmax": "sampled", "softmax_samples": 4, "weight_drop": 0.3, "dropout_embedding": 0.2}, {"segment": 1}),
    (GRU, {"softmax": "class-factored", "softmax_classes": 3}, {"segment": 4, "clip_norm": 0.3}),
    (RNNLM, {"zoneout": 0.1, "layer_norm": True}, {"segment": 9}),
    (NNLM, {"order": 3}, {"segment": 2}),
]


@CONTEXTS
@pytest.mark.parametrize(("cls", "inner", "options"), VARIANTS, ids=[cls.name for cls, *_ in VARIANTS])
def test_batch_distributions_and_state_machine_agree(
    cls: type[NeuralLanguageModel], inner: dict[str, Any], options: dict[str, Any], context: Any
) -> None:
    lm = dynamic(cls(**TINY, **inner).fit(TRAIN), **options)
    found = lm.log_probs(TEST, context=context)
    assert found.dtype == np.float64
    assert abs(found - lm.model_.log_probs(TEST, context=context)).max() > 1e-4
    machine = LanguageModel.log_probs(lm, TEST, context=context)
    np.testing.assert_allclose(machine, found, rtol=0, atol=1e-5)
    chunks = [*lm.distributions(TEST, context=context)]
    assert [len(chunk) for chunk in chunks] == np.diff(lm.encode(TEST).event_offsets).tolist()
    rows = np.concatenate(chunks)
    events = lm.encode(TEST).event_ids(lm.vocabulary_)
    np.testing.assert_allclose(rows[np.arange(len(rows)), events], found, rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=0, atol=1e-5)
    assert (rows[:, BOS_ID] == -np.inf).all()
    hidden = np.concatenate([*lm.hidden_states(TEST, context=context)])
    states = [state.hidden for state, _ in lm._walk(lm.encode(TEST), context)]
    np.testing.assert_allclose(hidden, states, rtol=0, atol=1e-5)


@RULES
def test_the_model_is_left_alone(rule: str) -> None:
    model = LSTM(**TINY).fit(TRAIN)
    before, digest = named(model), model.digest
    generator = model.module_.generator.get_state()
    lm = dynamic(model, rule=rule, lr=0.1)
    first = lm.log_probs(TEST)
    state = lm.start()
    for word_id in range(3, 9):
        state = lm.advance(state, word_id)
    list(lm.distributions(TEST, context="stream"))
    np.testing.assert_array_equal(lm.log_probs(TEST), first)  # whatever was scored in between
    assert lm.model_ is model
    for name, weight in model.module_.named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.grad is None
    assert torch.equal(model.module_.generator.get_state(), generator)
    fresh = LSTM(**TINY).fit(TRAIN)
    assert model.digest == digest == fresh.digest


def test_scorings_side_by_side_do_not_meet(lstm: LSTM) -> None:
    lm = dynamic(lstm, lr=0.05)
    expected = [np.concatenate([*lm.distributions(text, context="stream")]) for text in (TEST, VALID)]
    both: list[list[Any]] = [[], []]
    iterators = [lm.distributions(text, context="stream") for text in (TEST, VALID)]
    for _ in range(len(TEST)):
        for found, iterator in zip(both, iterators, strict=True):
            found += [chunk for chunk in [next(iterator, None)] if chunk is not None]
            lm.next_log_probs(lm.advance(lm.start(), 4))
    for found, rows in zip(both, expected, strict=True):
        np.testing.assert_array_equal(np.concatenate(found), rows)


def test_states_are_values_and_branch(lstm: LSTM) -> None:
    lm = dynamic(lstm, lr=0.05, segment=2)

    def after(*ids: int) -> Any:
        state = lm.start()
        for word_id in ids:
            state = lm.advance(state, word_id)
        return state

    one, two = after(3, 4, 5), after(3, 4, 5)
    assert one == two
    assert hash(one) == hash(two)
    assert one != after(3, 4, 6)
    assert one != lm.start()
    assert lm.start() == lm.start()
    fork = after(3)
    row = lm.next_log_probs(fork)
    left, right = lm.advance(fork, 4), lm.advance(fork, 5)  # two ways to end a segment
    assert abs(lm.next_log_probs(left)[2:] - lm.next_log_probs(right)[2:]).max() > 1e-3
    np.testing.assert_array_equal(lm.next_log_probs(fork), row)
    np.testing.assert_array_equal(lm.next_log_probs(lm.advance(fork, 4)), lm.next_log_probs(left))
    # The weights go on into the next sentence, the hidden state does not.
    again = lm.restart(after(3, 4, 5, EOS_ID))
    assert abs(lm.next_log_probs(again)[2:] - lm.next_log_probs(lm.start())[2:]).max() > 1e-4
    assert again != lm.start()
    with pytest.raises(AttributeError):
        one.ids = (3,)


def test_nothing_to_score(lstm: LSTM) -> None:
    lm = dynamic(lstm)
    for context in ("sentence", "stream"):
        assert lm.log_probs([], context=context).shape == (0,)
        assert list(lm.distributions([], context=context)) == []
        assert lm.log_probs([""], context=context).shape == (1,)


def test_too_high_a_rate_is_told(lstm: LSTM) -> None:
    lm = dynamic(lstm, rule="sgd", lr=1e30, decay=0.0)
    with pytest.raises(NlmkitError, match=r"dynamic evaluation diverged at event \d+: lower lr or set clip_norm"):
        lm.log_probs(TEST, context="stream")
    with pytest.raises(NlmkitError, match="dynamic evaluation diverged"):
        LanguageModel.log_probs(lm, TEST, context="stream")


# ------------------------------------------------------------------------------------------------ fitting


@RULES
def test_lr_and_decay_are_the_best_that_were_tried(lstm: LSTM, rule: str) -> None:
    valid = ["a dog and the bird sings", "the dog"] * 6
    lm = DynamicEvaluation(model=lstm, rule=rule, context="stream", statistics_batch=3)
    lm.fit(TRAIN if rule == "rms" else None, valid=valid)
    report = lm.fit_report_
    tried = report["lr_decay_perplexity"]
    assert [row[0] for row in tried[: len(RATES[rule])]] == list(RATES[rule])
    assert [row[1] for row in tried[len(RATES[rule]) :]] == list(DECAYS[rule][1:])
    assert report["validation_perplexity"] == min(row[2] for row in tried)
    assert [lm.lr_, lm.decay_, report["validation_perplexity"]] in tried
    assert lm.lr_ > 0
    assert lm.perplexity(valid, context="stream") == pytest.approx(report["validation_perplexity"], rel=1e-6)
    static = lstm.perplexity(valid, context="stream")
    assert report["validation_perplexity"] < report["validation_perplexity_static"] == pytest.approx(static)
    assert tried[0][2] == pytest.approx(static, rel=1e-5)  # lr = 0
    for lr, decay, perplexity in tried[2:4]:
        own = dynamic(lstm, rule=rule, lr=lr, decay=decay)
        assert own.perplexity(valid, context="stream") == pytest.approx(perplexity, rel=1e-6)
    assert ("statistics_windows" in report) == (rule == "rms")


def test_tuning_takes_the_first_sentences(lstm: LSTM) -> None:
    some = DynamicEvaluation(model=lstm, decay=0.0, statistics_batch=3, tuning_events=13).fit(TRAIN, valid=VALID)
    assert some.fit_report_["tuning_events"] == 12  # four, one and seven; the next sentence is too many
    assert some.fit_report_["validation_perplexity"] == pytest.approx(some.perplexity(VALID[:3]), rel=1e-6)
    assert len(some.fit_report_["lr_decay_perplexity"]) == len(RATES["rms"])
    one = DynamicEvaluation(model=lstm, lr=0.003, statistics_batch=3, tuning_events=1).fit(TRAIN, valid=VALID)
    assert one.fit_report_["tuning_events"] == 4
    assert [row[:2] for row in one.fit_report_["lr_decay_perplexity"]] == [[0.003, decay] for decay in DECAYS["rms"]]


def test_a_rate_that_does_not_help_is_zero(lstm: LSTM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RATES, "sgd", (0.0, 3e4, 1e30))
    lm = DynamicEvaluation(model=lstm, rule="sgd", decay=0.0).fit(valid=VALID)
    assert lm.lr_ == 0
    assert lm.fit_report_["notes"] == ["no rate that was tried makes the validation text more probable: lr is 0"]
    assert lm.fit_report_["lr_decay_perplexity"][-1] == [1e30, 0.0, None]  # where the weights diverge
    wild = DynamicEvaluation(model=lstm, rule="sgd", lr=1e30, decay=0.0).fit(valid=VALID)
    assert wild.fit_report_["validation_perplexity"] is None


def test_statistics_come_from_the_training_text(lstm: LSTM) -> None:
    lm = dynamic(lstm, statistics_batch=3, statistics_steps=2, segment=4)
    expected = gradient_rms(lstm.module_, lstm.encode(TRAIN).event_ids(lstm.vocabulary_), batch=3, segment=4, steps=2)
    assert lm.fit_report_["statistics_windows"] == 2
    assert lm.rms_.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(lm.rms_[name], values)
    assert dynamic(lstm, rule="sgd").rms_ == {}


def test_a_model_that_is_not_fitted_is_copied_and_fitted() -> None:
    given = LSTM(**TINY)
    lm = DynamicEvaluation(model=given, lr=0.01, decay=0.0, statistics_batch=3).fit(iter(TRAIN), valid=iter(VALID))
    assert lm.model is given
    assert not given.is_fitted
    assert lm.model_.digest == LSTM(**TINY).fit(TRAIN, valid=VALID).digest


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (lambda m: DynamicEvaluation(), {"valid": VALID}, "dynamic evaluation requires a model (--model PATH)"),
        (
            lambda m: DynamicEvaluation(model=NGram().fit(TRAIN)),
            {"data": TRAIN, "valid": VALID},
            "dynamic evaluation requires a neural language model, not ngram",
        ),
        (
            lambda m: DynamicEvaluation(model=m),
            {"valid": VALID},
            "rule=rms requires training text for its gradients: add TRAIN, or choose rule=sgd",
        ),
        (
            lambda m: DynamicEvaluation(model=m),
            {"data": TRAIN},
            "lr and decay requires validation text: add --valid FILE, or set the value",
        ),
        (
            lambda m: DynamicEvaluation(model=m, lr=0.1),
            {"data": TRAIN},
            "decay requires validation text: add --valid FILE, or set the value",
        ),
        (
            lambda m: DynamicEvaluation(model=m, rule="sgd"),
            {"data": TRAIN, "valid": VALID},
            "every model is fitted already: remove the training text",
        ),
        (
            lambda m: DynamicEvaluation(model=LSTM(), rule="sgd"),
            {"valid": VALID},
            "lstm is not fitted: add training text",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(lstm: LSTM, make: Any, arguments: dict[str, Any], message: str) -> None:
    lm = make(lstm)
    with pytest.raises(HyperParameterError) as caught:
        lm.fit(**arguments)
    assert message in str(caught.value)
    assert not lm.is_fitted
    with pytest.raises(NotFittedError):
        lm.start()


def test_the_command_line_fits_both_stacks(lstm: LSTM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lstm.save("lstm")
    for name, text in (("train", TRAIN), ("valid", VALID)):
        Path(f"{name}.txt").write_text("".join(f"{line}\n" for line in text), encoding="utf-8")

    def run(*arguments: str) -> dict[str, Any]:
        result = CliRunner().invoke(nlmkit, [*arguments, "--json"], prog_name="nlmkit")
        assert result.exit_code == 0, (result.output, result.exception)
        return dict(json.loads(result.stdout))

    small = ("-p", "statistics_batch=3", "-p", "decay=0.01")
    followed = run("fit", "dynamic", "train.txt", "--model", "lstm", "--valid", "valid.txt", "-o", "d", *small)
    hot = run("fit", "temperature", "--model", "lstm", "--valid", "valid.txt", "-o", "t")
    assert followed["fit"]["statistics_windows"] > 0
    assert followed["corpus"]["sentences"] == len(TRAIN)
    assert hot["fit"]["validation_perplexity"] < hot["fit"]["validation_perplexity_without_temperature"]
    for folder, adapted in (("d", True), ("t", False)):
        report = run("perplexity", folder, "valid.txt", "--context", "stream")
        assert report["adapted"] is adapted
        assert report["events"] == 16


def test_texts_without_events_are_refused(lstm: LSTM) -> None:
    with pytest.raises(DataError, match="no gradients: the training text is empty"):
        DynamicEvaluation(model=lstm).fit([], valid=VALID)
    with pytest.raises(DataError, match="cannot fit lr and decay: the validation text is empty"):
        DynamicEvaluation(model=lstm).fit(TRAIN, valid=[])


# ------------------------------------------------------------------------------------------------ reports and stacks


def test_the_report_says_that_the_model_adapts(lstm: LSTM) -> None:
    lm = dynamic(lstm, segment=4)
    report = lm.report(TEST, context="stream")
    assert report.adapted
    assert report.labels["dynamic"] == "rms,segment=4,lr=0.01,decay=0.02"
    assert "|adapt:yes|dynamic:rms,segment=4,lr=0.01,decay=0.02|" in report.signature
    assert report.unknown_rule == lstm.unknown_rule
    assert not lstm.report(TEST, context="stream").adapted


def test_caches_and_mixtures_stand_on_it(lstm: LSTM) -> None:
    lm = dynamic(lstm)
    cache = Cache(model=lm, method="neural", weight=0.2, theta=0.3).fit()
    mixture = Mixture(models=(lm, lstm), weights=(0.5, 0.5)).fit()
    for stack in (cache, mixture):
        assert stack.adapts_to_test_text
        for context in ("sentence", "stream"):
            machine = LanguageModel.log_probs(stack, TEST, context=context)  # type: ignore[arg-type]
            found = stack.log_probs(TEST, context=context)  # type: ignore[arg-type]
            np.testing.assert_allclose(machine, found, rtol=0, atol=1e-5)
    assert "dynamic" in cache.report_labels


# ------------------------------------------------------------------------------------------------ saving


@pytest.mark.parametrize("rule", ["rms", "sgd"])
@pytest.mark.parametrize("fitted", [True, False])
def test_a_loaded_model_is_the_saved_one(lstm: LSTM, rule: str, fitted: bool, tmp_path: Path) -> None:
    model = lstm if fitted else LSTM(**TINY)
    data = None if fitted and rule == "sgd" else TRAIN
    lm = DynamicEvaluation(model=model, rule=rule, statistics_batch=3, tuning_events=9).fit(data, valid=VALID)
    lm.save(tmp_path / "model")
    (tmp_path / "model").rename(tmp_path / "moved")
    loaded: Any = load(tmp_path / "moved")
    assert type(loaded) is DynamicEvaluation
    assert loaded == lm
    assert loaded.digest == lm.digest
    assert loaded.fit_report_ == lm.fit_report_
    for context in ("sentence", "stream"):
        np.testing.assert_array_equal(loaded.log_probs(TEST, context=context), lm.log_probs(TEST, context=context))
    assert loaded.report(TEST) == lm.report(TEST)


def rewritten(
    folder: Path, *, metadata: dict[str, Any] | None = None, arrays: Any = None, members: bool = True
) -> None:
    """Save again what lies in the folder, with changes."""
    found = load_folder(folder)
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    manifest = json.loads(json.dumps(manifest))
    manifest["metadata"] |= metadata or {}
    kept = {name: np.array(array) for name, array in found.arrays.items()}
    kept |= arrays(kept) if arrays is not None else {}
    if not members:
        del manifest["members"]["model_"]
        kept = {name: array for name, array in kept.items() if not name.startswith("members/model_/")}
    kept = {name: array for name, array in kept.items() if array is not None}
    save_folder(folder, manifest, arrays=kept, vocabulary=found.vocabulary)


def _spoilt(value: float) -> Any:
    return lambda arrays: {"rms.output.bias": np.full_like(arrays["rms.output.bias"], value)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metadata": {"lr": -1.0}}, "lr is -1.0"),
        ({"metadata": {"lr": "x"}}, "lr is 'x'"),
        ({"metadata": {"decay": 1.5}}, "decay is 1.5"),
        ({"metadata": {"decay": True}}, "decay is True"),
        ({"metadata": {"fit_report": None}}, "fit_report is missing from its metadata"),
        ({"members": False}, "the saved model is damaged: the dynamically evaluated model is missing"),
        ({"arrays": _spoilt(np.nan)}, "array 'rms.output.bias' contains values that are not a root mean square"),
        ({"arrays": _spoilt(-1.0)}, "array 'rms.output.bias' contains values that are not a root mean square"),
        ({"arrays": lambda arrays: {"rms.output.bias": None}}, "array 'rms.output.bias' is missing"),
        ({"arrays": lambda arrays: {"rms.output.bias": np.zeros(2, np.float32)}}, "has shape [2]"),
        (
            {"arrays": lambda arrays: {"rms.other": np.zeros(2, np.float32)}},
            "the saved model contains arrays that match no weight",
        ),
    ],
)
def test_a_damaged_model_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    model = LSTM(**{**TINY, "epochs": 1})
    DynamicEvaluation(model=model, lr=0.01, decay=0.1, statistics_batch=3).fit(TRAIN).save(tmp_path / "model")
    rewritten(tmp_path / "model", **changes)
    with pytest.raises(SavedModelError) as caught:
        load(tmp_path / "model")
    assert message in str(caught.value)
    assert str(tmp_path / "model") in str(caught.value)
