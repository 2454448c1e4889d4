"""The kit's own interface: with pytest, without it, and by name."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from toys.broken_language_models import Correct, OtherBatch, Uniform
from toys.broken_tokenizers import AddsMarks, Minimal
from toys.plugin_packages import write_package

from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.errors import HyperParameterError, PluginError, UnknownComponentError
from nlmkit.testing import ConformanceError, check_registered, checks_for, conformance, data, run_checks
from nlmkit.testing.checks import require_close, require_error
from nlmkit.testing.registration import registered

pytest_plugins = ["pytester"]

TESTS = Path(__file__).resolve().parents[1]


class Quits(Correct):
    """Ends the process while it fits."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        sys.exit("no licence")


class Interrupted(Correct):
    """Is interrupted while it fits."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        raise KeyboardInterrupt


class Talkative(Correct):
    """Prints what it does, and wants to be checked with a setting of its own."""

    name: ClassVar[str] = "kit-talkative"
    conformance_settings: ClassVar[dict[str, Any]] = {"alpha": 0.25}
    seen: ClassVar[set[float]] = set()

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        print("fitting")
        self.seen.add(self.alpha)
        return super().fit(data, valid=valid, run=run)


class Vectors(Component):
    """Says that it is a representation, and is not derived from that class."""

    kind: ClassVar[str] = "representation"
    name: ClassVar[str] = "kit-vectors"


@dataclasses.dataclass(kw_only=True)
class Elsewhere(Correct):
    """A model of a package that is not installed."""

    beta: float = param(1.0, help="of no effect")


# ------------------------------------------------------------------------------------------------- with pytest


@pytest.mark.slow
def test_two_lines_are_a_test_for_each_check(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_mine="""
        from nlmkit.testing import conformance
        from toys.broken_language_models import Correct, OtherBatch, Uniform
        from toys.broken_tokenizers import AddsMarks

        test_fine = conformance(Correct(alpha=0.5), Correct(cutoffs=(1, 2)))
        test_known = conformance(Uniform(), expected_failures={"overfits_a_tiny_text": "it learns nothing"})
        test_stale = conformance(Correct(), expected_failures={"fit_returns_self": "it once forgot"})
        test_wrong = conformance(OtherBatch(), tolerance=1e-6)
        test_tokens = conformance(AddsMarks())
        """
    )
    result = pytester.runpytest_inprocess("-rA")
    result.assert_outcomes(
        passed=5 * len(checks_for(Correct())) - 4 + len(checks_for(AddsMarks())) - 1, failed=4, xfailed=1
    )
    result.stdout.fnmatch_lines_random(
        [
            "PASSED test_mine.py::test_fine[[]Correct(alpha=0.5)-distributions_sum_to_one]",
            "PASSED test_mine.py::test_fine[[]Correct(cutoffs=(1, 2))-distributions_sum_to_one]",
            "XFAIL test_mine.py::test_known[[]Uniform()-overfits_a_tiny_text] - it learns nothing",
            "FAILED test_mine.py::test_stale[[]Correct()-fit_returns_self] - [[]XPASS(strict)]*",
            "FAILED test_mine.py::test_wrong[[]OtherBatch()-log_probs_are_those_of_the_state_machine]*",
            "FAILED test_mine.py::test_tokens[[]AddsMarks()-sentence_marks_are_not_returned]*",
        ]
    )


@pytest.mark.parametrize(
    ("components", "expected_failures", "error", "message"),
    [
        ((), {}, ValueError, "pass at least one component to check"),
        ((Correct,), {}, TypeError, r"pass a component, not the class: Correct\(\)"),
        ((Minimal,), {}, TypeError, r"pass a component, not the class: Minimal\(\)"),
        ((Vectors(),), {}, TypeError, "no conformance kit for a representation"),
        (("text",), {}, TypeError, "no conformance kit for str"),
        ((Correct(alpha=0.5).fit(["a"]),), {}, ValueError, r"Correct\(alpha=0.5\) is fitted: pass it unfitted"),
        (
            (Correct(),),
            {"fit_return_self": "it forgets"},
            ValueError,
            "no check named 'fit_return_self'; did you mean fit_returns_self",
        ),
        ((Minimal(),), {"fit_returns_self": "it forgets"}, ValueError, "no check named 'fit_returns_self'"),
        ((Correct(),), {"fit_returns_self": " "}, ValueError, "state why fit_returns_self is expected to fail"),
    ],
)
def test_a_wrong_call_is_refused(
    components: tuple[Any, ...], expected_failures: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        conformance(*components, expected_failures=expected_failures)


# ---------------------------------------------------------------------------------------------- without pytest


def test_outcomes_are_in_the_order_of_the_checks_and_say_what_was_seen() -> None:
    outcomes = run_checks(OtherBatch())
    assert [outcome.name for outcome in outcomes] == [check.name for check in checks_for(OtherBatch())]
    found = {outcome.name: outcome for outcome in outcomes}
    assert found["fit_returns_self"] == dataclasses.replace(found["fit_returns_self"], passed=True, message="")
    wrong = found["log_probs_are_those_of_the_state_machine"]
    assert not wrong.passed
    assert wrong.message.startswith("log_probs and the state machine on 'the cat sees the dog .': ")


@pytest.mark.slow
def test_whatever_a_component_raises_is_an_outcome() -> None:
    found = {outcome.name: outcome for outcome in run_checks(Quits())}
    assert found["hyper_parameters_have_help"].passed
    assert not found["fit_returns_self"].passed
    assert found["fit_returns_self"].message.startswith("SystemExit: no licence (test_kit.py:")
    with pytest.raises(KeyboardInterrupt):
        run_checks(Interrupted())


def test_nothing_of_it_needs_pytest() -> None:
    program = (
        "import sys; from nlmkit.testing import run_checks; from toys.broken_tokenizers import Minimal; "
        "assert all(outcome.passed for outcome in run_checks(Minimal())); assert 'pytest' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": str(TESTS)})


# ----------------------------------------------------------------------------------------------------- by name


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {
        "nlmkit.language_models": {"kit-talkative": "testing.test_kit:Talkative"},
        "nlmkit.tokenizers": {
            "kit-marks": "toys.broken_tokenizers:AddsMarks",
            "kit-minimal": "toys.broken_tokenizers:Minimal",
        },
    }
    write_package(tmp_path, "kit-packages", groups=groups)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(AddsMarks, "name", "kit-marks")


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("settings", "alpha"), [(None, 0.25), ({"alpha": 0.75}, 0.75), ({}, 0.1)])
def test_a_registered_model_is_checked_with_the_settings_chosen(
    settings: dict[str, Any] | None, alpha: float, capsys: pytest.CaptureFixture[str]
) -> None:
    Talkative.seen.clear()
    outcomes = check_registered("kit-talkative", "language-model", settings)
    # The module of this test imports pytest, but no class of it is listed anywhere.
    assert [outcome for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == len(checks_for(Talkative()))
    assert Talkative.seen == {alpha}
    out, err = capsys.readouterr()
    assert out == ""
    assert "fitting" in err


@pytest.mark.usefixtures("installed")
def test_a_registered_tokenizer_is_checked() -> None:
    wrong = [outcome.name for outcome in check_registered("kit-packages:kit-marks", "tokenizer") if not outcome.passed]
    assert wrong == ["sentence_marks_are_not_returned"]
    outcomes = check_registered("kit-minimal", "tokenizer")
    assert all(outcome.passed for outcome in outcomes)
    # The registry gives it a detokenize, which is checked with the rest.
    assert "detokenize_returns_a_line" in {outcome.name for outcome in outcomes}


@pytest.mark.usefixtures("installed")
def test_names_and_settings_that_lead_nowhere() -> None:
    with pytest.raises(UnknownComponentError):
        check_registered("kit-talkativ", "language-model")
    with pytest.raises(HyperParameterError):
        check_registered("kit-talkative", "language-model", {"alpah": 1.0})
    assert check_registered("whatever", "distribution") == []


# -------------------------------------------------------------------------------------------- its own machinery


@pytest.mark.parametrize("allowed", [None, "", "some-package"])
def test_an_uninstalled_class_is_registered_for_a_moment(allowed: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if allowed is None:
        monkeypatch.delenv(registry.SWITCH, raising=False)
    else:
        monkeypatch.setenv(registry.SWITCH, allowed)
    path, folders = list(sys.path), set(os.listdir(tempfile.gettempdir()))
    with registered(Elsewhere):
        entry = registry.entry_of(Elsewhere)
        assert (entry.name, entry.value) == ("kit-correct", "testing.test_kit:Elsewhere")
        assert registry.get("kit-correct", distribution=entry.distribution) is Elsewhere
    with pytest.raises(PluginError):
        registry.entry_of(Elsewhere)
    assert sys.path == path
    assert os.environ.get(registry.SWITCH) == allowed
    assert not any((Path(tempfile.gettempdir()) / name / "nlmkit_conformance-0.dist-info").exists() for name in folders)


@pytest.mark.slow
def test_a_class_inside_a_function_cannot_be_loaded() -> None:
    class Local(Correct):
        """Out of reach."""

    found = {outcome.name: outcome for outcome in run_checks(Local())}
    failed = {name for name, outcome in found.items() if not outcome.passed}
    assert failed == {
        "saved_and_loaded_results_are_equal",
        "saved_and_loaded_state_is_equal",
        "saved_and_loaded_hyper_parameters_are_equal",
        "saved_model_can_be_moved",
    }
    assert "is defined inside a function" in found["saved_model_can_be_moved"].message


def test_arrays_are_compared_to_a_tolerance_infinities_and_all() -> None:
    inf, nan = math.inf, math.nan
    require_close([1.0, -inf], [1.0 + 1e-7, -inf], 1e-6, "values")
    require_close([], [], 0, "nothing")
    for found, expected, tolerance in (
        ([1.0], [1.0 + 1e-5], 1e-6),
        ([1.0], [1.0 + 1e-15], 0),
        ([-inf], [-1e300], 1e-6),
        ([-inf], [inf], 1e-6),
        ([nan], [nan], 1e-6),
        ([1.0, 1.0], [1.0], 1e-6),
    ):
        with pytest.raises(ConformanceError, match=r"^values: "):
            require_close(found, expected, tolerance, "values")


def test_another_error_than_the_promised_one_is_a_failure() -> None:
    def divide() -> float:
        return 1 / 0

    require_error(ArithmeticError, divide, "division")
    with pytest.raises(
        ConformanceError, match="division must raise KeyError, but raises ZeroDivisionError: division by"
    ):
        require_error(KeyError, divide, "division")
    with pytest.raises(ConformanceError, match="nothing must raise KeyError, but raises nothing"):
        require_error(KeyError, lambda: None, "nothing")


# ---------------------------------------------------------------------------------------------------- the texts


def test_texts_are_what_they_say() -> None:
    train, test = data.train(), data.test()
    words = {word for sentence in train for word in sentence}
    assert len(train) == 62
    assert len({tuple(sentence) for sentence in train}) == 52
    assert (min(map(len, train)), max(map(len, train))) == (1, 12)
    lengths = sorted(map(len, test))
    assert (lengths[0], lengths[-1], len(test) - len({tuple(sentence) for sentence in test})) == (1, 50, 1)
    assert {"repairs", "yesterday", "quiet"} == {word for sentence in test for word in sentence} - words
    assert not words & {word for sentence in data.unknown() for word in sentence}
    assert not {tuple(sentence) for sentence in train} & {tuple(sentence) for sentence in data.valid()}
    assert len({word for sentence in data.repetitive() for word in sentence}) == 14
    assert not any(" " in line for line in data.chinese())
    assert not any(set("\n\0") & set(line) for line in data.plain_lines() + data.unusual_lines())


@pytest.mark.parametrize("text", [data.train, data.other, data.valid, data.test, data.repetitive, data.unknown])
def test_texts_are_made_anew_each_time(text: Callable[[], list[list[str]]]) -> None:
    first, second = text(), text()
    assert first == second
    for sentence in first:
        sentence.append("changed")
    assert second == text()
    assert len({id(sentence) for sentence in second}) == len(second)


def test_a_uniform_model_is_caught_learning_nothing() -> None:
    (outcome,) = (outcome for outcome in run_checks(Uniform()) if not outcome.passed)
    assert outcome.message == "perplexity 16 on the training text, where a uniform model has 16"
