"""Hyper-parameters, the component contract, and what LanguageModel defines once for every model."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import itertools
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.language_models import Bigram, Scripted, Uniform, registered

from nlmkit.core import component as components
from nlmkit.core.component import Component
from nlmkit.core.parameters import param, resolve_types
from nlmkit.core.run import RunOptions
from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, ExportError, HyperParameterError, NotFittedError, NotNormalizedError
from nlmkit.language_models.base import check_context
from nlmkit.text import Corpus, TextPipeline, Vocabulary

pytestmark = pytest.mark.slow

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=60)


@dataclasses.dataclass(kw_only=True)
class Settings(Component):
    """A component with one hyper-parameter of each type.

    The rest of the docstring is not its summary.
    """

    kind: ClassVar[str] = "classifier"
    name: ClassVar[str] = "settings"

    order: int = param(3, ge=1, le=20, help="length")
    rate: float = param(0.5, gt=0, lt=2, help="step")
    method: str = param("kneser-ney", choices=("kneser-ney", "witten-bell"), help="smoothing")
    file: str | None = param(None, help="a file")
    tied: bool = param(False, help="ties")
    cutoffs: tuple[int, ...] | None = param(None, ge=0, help="cutoffs")
    pair: tuple[int, float] = param((1, 0.5), help="two numbers")


# ------------------------------------------------------------------------------------------------ hyper-parameters


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("order", 0, "order must be ≥ 1, ≤ 20, not 0"),
        ("order", -3, "order must be ≥ 1, ≤ 20, not -3"),
        ("order", 21, "order must be ≥ 1, ≤ 20, not 21"),
        ("order", 10**400, "order must be ≥ 1, ≤ 20, not 1000"),
        pytest.param("order", 10**5000, "order must be ≥ 1, ≤ 20, not a value with thousands", id="huge"),
        ("cutoffs", (10**5000,), "cutoffs must be a number with fewer digits, not a value with"),
        ("method", "x" * 5000, "... (5002 characters)"),
        ("order", 3.0, "order must be int, not 3.0"),
        ("order", "3", "order must be int, not '3'"),
        ("order", True, "order must be int, not True"),
        ("order", None, "order must be int, not None"),
        ("rate", 0, "rate must be > 0, < 2, not 0"),
        ("rate", 2.0, "rate must be > 0, < 2, not 2.0"),
        ("rate", math.nan, "rate must be a finite number, not nan"),
        ("rate", np.float32("nan"), "rate must be a finite number, not np.float32(nan)"),
        ("rate", -math.inf, "rate must be a finite number, not -inf"),
        ("rate", False, "rate must be float, not False"),
        ("rate", np.array(0.5), "rate must be float, not array(0.5)"),
        ("method", "kneserney", "must be one of kneser-ney, witten-bell, not 'kneserney'; did you mean kneser-ney?"),
        ("method", "", "method must be one of kneser-ney, witten-bell, not ''"),
        ("file", 3, "file must be str | none, not 3"),
        ("tied", 1, "tied must be bool, not 1"),
        ("tied", "yes", "tied must be bool, not 'yes'"),
        ("cutoffs", 3, "cutoffs must be list of int | none, not 3"),
        ("cutoffs", [0, -1], "cutoffs must be ≥ 0, not -1"),
        ("cutoffs", [0, True], "cutoffs must be list of int | none, not (0, True)"),
        ("pair", [1], "pair must be list of 2 (int, float), not (1,)"),
        ("pair", [1, math.inf], "pair must be a finite number, not inf"),
        ("pair", [1, np.float32("inf")], "pair must be a finite number, not np.float32(inf)"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_rule(name: str, value: Any, message: str) -> None:
    with pytest.raises(HyperParameterError) as in_constructor:
        Settings(**{name: value})
    assert message in str(in_constructor.value)
    assert "\n" not in str(in_constructor.value)
    kept = Settings()
    with pytest.raises(HyperParameterError):
        setattr(kept, name, value)
    assert kept == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("order", np.int32(4)), ("rate", np.float32(0.5)), ("rate", 1), ("file", "words"), ("rate", Fraction(1, 3))],
)
def test_values_are_kept_as_given(name: str, value: Any) -> None:
    component = Settings(**{name: value})
    assert getattr(component, name) is value
    assert component.get_params()[name] is value


def test_scikit_learns_clone_contract() -> None:
    component = Settings(order=5, cutoffs=(0, 1), file="x" * 3)
    parameters = component.get_params(deep=False)
    clone = Settings(**parameters)
    assert all(clone.get_params()[name] is value for name, value in parameters.items())
    assert clone.set_params(order=7) is clone
    assert clone.order == 7
    assert component.order == 5


def test_lists_become_tuples() -> None:
    assert Settings(cutoffs=[0, 0, 1]).cutoffs == (0, 0, 1)
    assert Settings(pair=[2, 3]).pair == (2, 3)


def test_a_huge_integer_is_a_number_where_no_bound_forbids_it() -> None:
    @dataclasses.dataclass(kw_only=True)
    class Unbounded(Settings):
        """Unbounded."""

        huge: int = param(1, help="any")
        real: float = param(1.0, help="any")

    assert Unbounded(huge=10**400, real=10**300).params_as_json()["huge"] == 10**400
    with pytest.raises(HyperParameterError, match="real must be a finite number, not 1000"):  # no float holds it
        Unbounded(real=10**400)


def test_an_unknown_name_gets_a_suggestion_everywhere() -> None:
    expected = "settings has no hyper-parameter 'ordre'; did you mean order?"
    for act in (
        lambda: Settings(ordre=3),
        lambda: Settings().set_params(ordre=3),
        lambda: setattr(Settings(), "ordre", 3),
    ):
        with pytest.raises(HyperParameterError) as caught:
            act()
        assert str(caught.value) == expected
    with pytest.raises(HyperParameterError, match=r"'zzz'$"):
        Settings(zzz=1)


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        Settings(3)


def test_set_params_sets_nothing_when_a_name_is_unknown() -> None:
    component = Settings()
    with pytest.raises(HyperParameterError):
        component.set_params(order=5, ordre=6)
    assert component.order == 3


def test_what_show_prints_comes_from_the_declaration() -> None:
    declared = Settings.hyper_parameters()
    assert list(declared) == ["order", "rate", "method", "file", "tied", "cutoffs", "pair"]
    assert [(d.type_name, d.constraint, d.default, d.help) for d in declared.values()] == [
        ("int", "≥ 1, ≤ 20", 3, "length"),
        ("float", "> 0, < 2", 0.5, "step"),
        ("str", "one of kneser-ney, witten-bell", "kneser-ney", "smoothing"),
        ("str | none", "", None, "a file"),
        ("bool", "", False, "ties"),
        ("list of int | none", "≥ 0", None, "cutoffs"),
        ("list of 2 (int, float)", "", (1, 0.5), "two numbers"),
    ]
    assert Settings.summary() == "A component with one hyper-parameter of each type."
    assert Component.hyper_parameters() == {}


@reproducible
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "order": st.integers(1, 20),
            "rate": st.floats(0, 2, exclude_min=True, exclude_max=True),
            "file": st.none() | st.text(),
            "tied": st.booleans(),
            "cutoffs": st.none() | st.lists(st.integers(0)),
            "pair": st.tuples(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
        },
    )
)
def test_the_constructor_takes_back_what_json_holds(values: dict[str, Any]) -> None:
    component = Settings(**values)
    text = json.dumps(component.params_as_json(), allow_nan=False)
    assert Settings(**json.loads(text)) == component


def test_numpy_scalars_become_plain_json() -> None:
    values = Settings(order=np.int64(4), rate=np.float32(0.5), cutoffs=(np.int8(1), 2)).params_as_json()
    assert json.loads(json.dumps(values)) == values
    assert type(values["order"]) is int
    assert type(values["rate"]) is float
    assert values["cutoffs"] == [1, 2]


@reproducible
@given(st.integers() | st.floats() | st.booleans() | st.none() | st.text())
def test_a_bound_is_kept_exactly(value: Any) -> None:
    allowed = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 20
    if allowed:
        assert Settings(order=value).order == value
    else:
        with pytest.raises(HyperParameterError):
            Settings(order=value)


def test_a_field_without_declaration_is_an_authors_error() -> None:
    @dataclasses.dataclass(kw_only=True)
    class Undeclared(Component):
        """Undeclared."""

        name: ClassVar[str] = "undeclared"
        order: int = 3

    with pytest.raises(TypeError, match=r"Undeclared\.order must be declared with nlmkit\.core\.parameters\.param"):
        Undeclared.hyper_parameters()


def test_annotations_are_read_with_the_module_of_the_class_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "written_elsewhere.py").write_text(
        """
from __future__ import annotations
import dataclasses
import typing
from nlmkit.core.component import Component
from nlmkit.core.parameters import param
if typing.TYPE_CHECKING:
    from nowhere import Table
Count = int

@dataclasses.dataclass(kw_only=True)
class Base(Component):
    name = "base"
    size: Count = param(3, help="size")
    table_: typing.ClassVar[Table]
""",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    base = importlib.import_module("written_elsewhere").Base

    @dataclasses.dataclass(kw_only=True)
    class Derived(base):
        """Derived."""

        name = "derived"
        rate: float = param(0.5, help="rate")

    assert resolve_types(Derived) == {"size": int, "rate": float}
    assert Derived(size=4).size == 4


def test_a_subclass_may_redeclare_a_hyper_parameter() -> None:
    @dataclasses.dataclass(kw_only=True)
    class Stricter(Settings):
        """Stricter."""

        order: int | None = param(None, ge=2, help="length")

    assert Stricter().order is None
    assert next(iter(Stricter.hyper_parameters())) == "order"
    with pytest.raises(HyperParameterError):
        Stricter(order=1)
    assert Settings(order=1).order == 1


def test_suggestions_come_only_when_near() -> None:
    assert suggestion("ngrm", ["ngram", "lstm"]) == "; did you mean ngram?"
    assert suggestion("xyzzy", ["ngram", "lstm"]) == ""
    assert suggestion("ngram", []) == ""


# ------------------------------------------------------------------------------------------------ components


def test_unfitted_use_raises_not_fitted(tmp_path: Path) -> None:
    model = Bigram()
    for act in (
        lambda: model.log_probs(["a"]),
        lambda: model.distributions(["a"]),
        lambda: model.perplexity(["a"]),
        lambda: model.report(["a"]),
        lambda: model.score(["a"]),
        lambda: model.generate(),
        lambda: model.event_details(["a"]),
        lambda: model.log_probs_and_details(["a"]),
        lambda: model.digest,
        lambda: model.save(tmp_path / "model"),
    ):
        with pytest.raises(NotFittedError, match="this Bigram is not fitted: call fit, or load a saved model"):
            act()
    assert not model.is_fitted
    assert model.fit(["a"]).is_fitted
    assert not (tmp_path / "model").exists()


def test_run_options_pass_progress_on_and_are_silent_without() -> None:
    seen: list[tuple[Any, ...]] = []

    class Watcher:
        def start(self, description: str, total: float | None = None) -> None:
            seen.append((description, total))

        def advance(self, amount: float) -> None:
            seen.append((amount,))

    run = RunOptions(progress=Watcher())
    run.stage("counting", 3)
    run.advance()
    run.stage("smoothing")
    run.advance(2.5)
    assert seen == [("counting", 3), (1,), ("smoothing", None), (2.5,)]
    RunOptions().stage("unseen")
    RunOptions().advance()


def test_copies_are_independent() -> None:
    model = Bigram(alpha=0.5).fit(["a b", "b"])
    twin = copy.deepcopy(model)
    twin.fit(["c"])
    assert model.vocabulary_.words[3:] == ("a", "b")
    assert twin.vocabulary_.words[3:] == ("c",)


def test_the_digest_follows_the_fitted_state_and_the_hyper_parameters(tmp_path: Path) -> None:
    with registered(tmp_path):
        model = Bigram().fit(["a b"])
        first = model.digest
        assert model.digest == first
        assert model.fit(["b a"]).digest != first
        assert model.fit(["a b"]).digest == first
        model.alpha = 2.0
        assert not model.is_fitted
        assert model.fit(["a b"]).digest != first


# ------------------------------------------------------------------------------------------------ language models

TRAIN = ["a b a", "b", "", "a a c"]
TEST = ["a c", "", "b z a"]


def by_hand(context: str, alpha: float = 1.0) -> list[float]:
    """Log-probabilities of TEST under Bigram fitted on TRAIN, with nothing but dictionaries."""
    words = ["<unk>", "</s>", "a", "b", "c"]
    stream = ["<s>"] + [word for line in TRAIN for word in [*line.split(), "</s>"]]
    counts = {(h, w): alpha for h in ["<s>", *words] for w in words}
    for pair in itertools.pairwise(stream):
        counts[pair] += 1
    totals = {h: sum(counts[h, w] for w in words) for h in ["<s>", *words]}
    result = []
    previous = "<s>"
    for line in TEST:
        if context == "sentence":
            previous = "<s>"
        for surface in [*line.split(), "</s>"]:
            word = surface if surface in words else "<unk>"
            result.append(math.log(counts[previous, word] / totals[previous]))
            previous = word
    return result


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_log_probs_are_those_of_the_state_machine(context: Any) -> None:
    model = Bigram().fit(TRAIN)
    values = model.log_probs(TEST, context=context)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, by_hand(context), rtol=0, atol=1e-15)
    expected = math.exp(-sum(by_hand(context)) / 8)
    assert model.perplexity(TEST, context=context) == pytest.approx(expected, rel=1e-14)
    report = model.report(TEST, context=context)
    assert (report.context, report.perplexity) == (context, model.perplexity(TEST, context=context))


def test_the_two_contexts_differ_where_the_model_remembers() -> None:
    model = Bigram().fit(TRAIN)
    sentence, stream = (model.log_probs(TEST, context=context) for context in ("sentence", "stream"))
    begins = np.array([0, 3, 4])
    assert sentence[begins[0]] == stream[begins[0]]
    assert (sentence[begins[1:]] != stream[begins[1:]]).all()
    inner = np.setdiff1d(np.arange(8), begins)
    np.testing.assert_array_equal(sentence[inner], stream[inner])


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_distributions_sum_to_one_and_hold_the_log_probs(context: Any) -> None:
    model = Bigram(alpha=0.1).fit(TRAIN)
    chunks = list(model.distributions(TEST, context=context))
    assert [chunk.shape for chunk in chunks] == [(3, 6), (1, 6), (4, 6)]
    rows = np.concatenate(chunks)
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=1e-14)
    assert (rows[:, 1] == -np.inf).all()
    events = Corpus.read(TEST).event_ids(model.vocabulary_)
    np.testing.assert_array_equal(rows[np.arange(8), events], model.log_probs(TEST, context=context))


def test_distributions_check_before_they_are_consumed() -> None:
    model = Bigram().fit(TRAIN)
    with pytest.raises(HyperParameterError):
        model.distributions(TEST, context="document")
    with pytest.raises(DataError):
        model.distributions(["a <s>"])


@reproducible
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=5), min_size=1, max_size=6),
    st.lists(st.lists(st.sampled_from("abcxyz"), max_size=5), min_size=1, max_size=6),
)
def test_a_uniform_model_has_the_size_of_its_vocabulary_as_perplexity(
    train: list[list[str]], test: list[list[str]]
) -> None:
    model = Uniform().fit(train)
    types = len({word for line in train for word in line}) + 2
    report = model.report(test)
    assert report.perplexity == pytest.approx(types, rel=1e-12)
    assert report.perplexity_excluding_oov == pytest.approx(types, rel=1e-12)
    assert report.vocabulary_size == types
    assert report.events == sum(map(len, test)) + len(test)
    assert report.bits_per_token == pytest.approx(math.log2(types), rel=1e-12)
    assert model.score(test) == pytest.approx(-math.log(types), rel=1e-12)


def test_uniform_over_powers_of_two_is_exact() -> None:
    model = Uniform().fit(["a b"])
    assert model.perplexity(["a b", "c"]) == pytest.approx(4, rel=1e-15)


def test_the_bare_perplexity_hashes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # A model asks for it while it is being fitted, when a digest would be of an unfinished state.
    model = Bigram().fit(TRAIN)
    monkeypatch.setattr("nlmkit.core.parts.digest", lambda component: pytest.fail("hashed"))
    assert model.perplexity(TEST) > 1
    assert "_digest" not in vars(model)


def test_nothing_to_score() -> None:
    model = Bigram().fit(TRAIN)
    assert model.log_probs([]).shape == (0,)
    assert list(model.distributions([])) == []
    assert math.isnan(model.score([]))
    assert math.isnan(model.perplexity([]))


@pytest.mark.parametrize("context", ["Sentence", "", None, "document"])
def test_an_unknown_context_is_refused(context: Any) -> None:
    model = Bigram().fit(TRAIN)
    for act in (model.log_probs, model.report, model.perplexity):
        with pytest.raises(HyperParameterError, match="context must be sentence or stream, not"):
            act(TEST, context=context)
    with pytest.raises(HyperParameterError):
        check_context(context)


def test_a_corpus_read_in_another_way_is_refused() -> None:
    model = Bigram().fit(Corpus.read(TRAIN, TextPipeline(lowercase=True)))
    assert model.encode(["A C"]).sentence(0) == ["a", "c"]
    with pytest.raises(DataError, match=r"tokenized with tok:space\|lc:no\|nf:none, but the model uses tok"):
        model.log_probs(Corpus.read(TEST))
    same = Corpus.read(TEST, TextPipeline(lowercase=True))
    assert model.encode(same) is same
    tokens = Corpus.read([["a", "C"]])
    assert model.encode(tokens) is tokens


def test_a_scorer_that_is_no_distribution_has_no_perplexity() -> None:
    class Backoff(Bigram):
        @property
        def normalized(self) -> bool:
            return False

    model = Backoff().fit(TRAIN)
    for act in (model.report, model.perplexity):
        with pytest.raises(NotNormalizedError, match="scores of toy-bigram are not probabilities and have no"):
            act(TEST)
    assert math.isfinite(model.score(TEST))


def test_the_unknown_rule_says_whether_unk_was_trained() -> None:
    assert Bigram().fit(TRAIN).unknown_rule == "uniform-share"
    assert Bigram(min_count=2).fit(TRAIN).unknown_rule == "trained"
    assert Bigram().fit(["a <unk>"]).unknown_rule == "trained"
    assert not Bigram().fit(TRAIN).adapts_to_test_text


def test_vocabulary_limits_exclude_one_another(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("a\nb\n", encoding="utf-8")
    assert Bigram(vocabulary_file=str(words)).fit(TRAIN).vocabulary_.words[3:] == ("a", "b")
    assert Bigram(vocabulary_size=1).fit(TRAIN).vocabulary_.words[3:] == ("a",)
    for more in ({"vocabulary_size": 1}, {"min_count": 2}):
        with pytest.raises(HyperParameterError, match="vocabulary_file cannot be combined with"):
            Bigram(vocabulary_file=str(words), **more).fit(TRAIN)


def test_a_vocabulary_file_goes_with_the_default_of_min_count(tmp_path: Path) -> None:
    """Of each component that has one: lsa and word2vec have a default of 5."""
    from nlmkit import CNN, LSA, LSTM, RNNLM, GloVe, NGram, OneHot, Word2Vec

    words = tmp_path / "words.txt"
    words.write_text("a\nb\n", encoding="utf-8")
    text = ["a b c a b", "b a c b a"] * 3
    classifier = CNN(**CNN.conformance_settings, vocabulary_file=str(words)).fit(text, ["x", "y"] * 3)
    assert classifier.vocabulary_.words[3:] == ("a", "b")
    for cls in (LSA, Word2Vec, GloVe, OneHot, NGram, LSTM, RNNLM):
        small = {"dimension": 1, "order": 2, "epochs": 1, "embedding": 2, "hidden": 2, "batch": 2}
        options = {name: value for name, value in small.items() if name in cls.hyper_parameters()}
        fitted = cls(**options, vocabulary_file=str(words)).fit(text)
        assert fitted.vocabulary_.words[3:] == ("a", "b"), cls
        for more, named in (({"vocabulary_size": 1}, "vocabulary_size=1"), ({"min_count": 2}, "min_count=2")):
            with pytest.raises(HyperParameterError, match=f"or min_count: drop {named}"):
                cls(**options, vocabulary_file=str(words), **more).fit(text)


def test_a_file_alone_says_how_often_unk_must_occur(tmp_path: Path) -> None:
    from nlmkit import LSA

    words = tmp_path / "words.txt"
    words.write_text("a\nb\n", encoding="utf-8")
    text = ["a <unk> b", "b a c b a"]
    one, other = (LSA(dimension=1, vocabulary_file=str(words), **more).fit(text) for more in ({}, {"min_count": 1}))
    assert one.matrix.tobytes() == other.matrix.tobytes()
    assert one.has_special()[0]


def test_event_details_are_empty_by_default() -> None:
    assert Bigram().fit(TRAIN).event_details(TEST) == {}
    with pytest.raises(DataError):
        Bigram().fit(TRAIN).event_details(["</s>"])


def test_a_report_carries_what_the_model_knows_of_itself(tmp_path: Path) -> None:
    with registered(tmp_path):
        model = Bigram().fit(TRAIN)
        report = model.report(TEST)
    assert report.component == "toy-bigram"
    assert report.model_digest == model.digest
    assert report.vocabulary_digest == model.vocabulary_.digest
    assert report.events_digest == Corpus.read(TEST).events_digest
    assert (report.events, report.sentences, report.oov) == (8, 3, 1)


def test_an_impossible_event_makes_the_perplexity_infinite() -> None:
    model = Scripted(Vocabulary(["a", "b"]), {"a": math.log(0.5), "</s>": math.log(0.5)})
    assert model.perplexity(["a a"]) == pytest.approx(2)
    assert model.perplexity(["a b"]) == math.inf


def test_the_contract_module_is_at_version_one() -> None:
    assert components.API_VERSION == Component.api_version == 1


def test_a_component_that_no_format_can_hold_refuses_to_be_exported(tmp_path: Path) -> None:
    model = Bigram().fit(TRAIN)
    with pytest.raises(ExportError, match="toy-bigram cannot be exported for other programs"):
        model.export(tmp_path / "lm.arpa")
    assert list(tmp_path.iterdir()) == []


def test_a_fit_that_says_nothing_has_an_empty_report() -> None:
    model = Bigram()
    assert dict(model.fit_report_) == {}
    assert not model.is_fitted
    assert dict(model.fit(TRAIN).fit_report_) == {}
    with pytest.raises(TypeError):
        model.fit_report_["notes"] = ["shared by all"]  # type: ignore[index]


def test_members_are_named_by_their_places() -> None:
    assert Bigram().members() == {}
