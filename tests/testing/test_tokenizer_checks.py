"""Every check of tokenizers lets correct ones pass and catches one that breaks just its promise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from toys import broken_tokenizers as tokenizers
from toys.plugin_packages import write_package

from nlmkit.testing import checks_for, conformance, run_checks
from nlmkit.testing.tokenizer import CHECKS

WRONG: dict[str, list[Any]] = {
    "tokens_are_a_list_of_strings": [tokenizers.GivesTuple(), tokenizers.GivesBytes()],
    "tokens_are_not_empty": [tokenizers.GivesEmpty()],
    "tokens_hold_no_line_feed_or_nul": [tokenizers.GivesLineFeed(), tokenizers.GivesNul()],
    "blank_line_has_no_tokens": [tokenizers.FillsBlanks()],
    "sentence_marks_are_not_returned": [tokenizers.AddsMarks(), tokenizers.JoinsPieces()],
    "tokens_depend_on_the_line_alone": [tokenizers.Remembers()],
    "many_lines_have_the_tokens_of_each": [tokenizers.DropsBlanks(), tokenizers.ReadsOn()],
    "no_character_is_lost": [tokenizers.LosesAccents(), tokenizers.Reorders()],
    "unusual_text_has_tokens": [tokenizers.AsciiAlone()],
    "long_lines_take_linear_time": [tokenizers.Quadratic()],
    "detokenize_returns_a_line": [tokenizers.DetokenizesToList(), tokenizers.DetokenizesToLines()],
    "name_is_the_registered_one": [tokenizers.OtherName()],
}
ALSO = {
    # It cannot be joined, nor searched for characters, either.
    tokenizers.GivesBytes: {"no_character_is_lost", "tokens_hold_no_line_feed_or_nul"},
}

test_correct_tokenizers_pass = pytest.mark.slow(
    conformance(
        tokenizers.Minimal(),
        tokenizers.Lowercasing(),
        tokenizers.Subwords(),
        tokenizers.WordTokenizer(),
        tokenizers.Blockwise(),
    )
)


@pytest.fixture(scope="module", autouse=True)
def declared_otherwise(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An installed package that declares one of the tokenizers under a wrong name, and another one as it should."""
    folder = tmp_path_factory.mktemp("packages")
    points = {"kit-other-name": "toys.broken_tokenizers:OtherName", "kit-minimal": "toys.broken_tokenizers:Minimal"}
    write_package(folder, "kit-tokenizers", groups={"nlmkit.tokenizers": points})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tokenizer"),
    [
        pytest.param(name, tokenizer, id=f"{name}-{type(tokenizer).__name__}")
        for name, wrong in WRONG.items()
        for tokenizer in wrong
    ],
)
def test_a_wrong_tokenizer_is_caught_by_its_check_alone(name: str, tokenizer: Any) -> None:
    failures = {outcome.name: outcome.message for outcome in run_checks(tokenizer) if not outcome.passed}
    assert failures.keys() == {name} | ALSO.get(type(tokenizer), set()), failures
    assert failures[name]
    assert "\n" not in failures[name]


def test_every_check_has_a_wrong_tokenizer() -> None:
    assert set(WRONG) == {check.name for check in CHECKS}
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_every_check_is_passed_by_a_correct_tokenizer() -> None:
    assert {check.name for check in checks_for(tokenizers.Blockwise())} == set(WRONG)
    assert all(check.promise.endswith(".") for check in CHECKS)


def test_what_a_tokenizer_does_not_promise_is_not_checked() -> None:
    of_many = "many_lines_have_the_tokens_of_each"
    found = {
        type(tokenizer): set(WRONG) - {check.name for check in checks_for(tokenizer)}
        for tokenizer in (tokenizers.Minimal(), tokenizers.Lowercasing())
    }
    assert found[tokenizers.Minimal] == {"detokenize_returns_a_line", of_many}
    assert found[tokenizers.Lowercasing] == {"no_character_is_lost", of_many}


def test_counting_work_leaves_tracing_as_it_was() -> None:
    def tracer(frame: Any, event: str, argument: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        run_checks(tokenizers.Minimal())
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
