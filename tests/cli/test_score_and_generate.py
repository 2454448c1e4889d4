"""``nlmkit score`` and ``nlmkit generate``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import TEST, Run
from cli.test_perplexity import reference
from nlmkit.core.storage import load
from nlmkit.language_models.base import LanguageModel


def test_score_is_the_mean_log_probability(run: Run, model: str, texts: Path) -> None:
    values = [value for row in reference(TEST) for _, value, _ in row]
    expected = sum(values) / len(values)
    assert float(run("score", model, texts / "test.txt").stdout) == pytest.approx(expected, rel=1e-12)
    assert float(run("score", model, "-", input=TEST.encode()).stdout) == pytest.approx(expected, rel=1e-12)
    assert json.loads(run("score", model, texts / "test.txt", "--json").stdout) == {
        "model": model,
        "component": "toy-recency",
        "kind": "language-model",
        "normalized": True,
        "score": pytest.approx(expected, rel=1e-12),
        "events": 8,
        "sentences": 2,
    }


def test_scorers_that_are_no_distribution_can_score(run: Run, texts: Path) -> None:
    run("fit", "toy-scorer", texts / "train.txt", "-o", "m")
    printed = json.loads(run("score", "m", texts / "test.txt", "--json").stdout)
    assert printed["normalized"] is False
    assert printed["score"] < 0


def test_no_events_have_no_score(run: Run, model: str) -> None:
    empty = run("score", model, "-", input="")
    assert empty.stdout == "nan\n"
    assert "the text is empty" in empty.stderr
    printed = json.loads(run("score", model, "-", "--json", input="").stdout)
    assert printed["score"] is None
    assert printed["reasons"] == {"score": "undefined (not a number)"}


def test_sentences_are_the_models_by_seed(run: Run, model: str) -> None:
    lm = load(model)
    assert isinstance(lm, LanguageModel)
    expected = [" ".join(["the", *lm.generate(prompt="the", max_tokens=9, seed=seed)]) for seed in range(3, 8)]
    args = ["generate", model, "--prompt", "the", "-n", "5", "--max-tokens", "9", "--seed", "3"]
    assert run(*args).stdout.splitlines() == expected
    assert len(set(expected)) > 1
    objects = [json.loads(line) for line in run(*args, "--json").stdout.splitlines()]
    assert [each["text"] for each in objects] == expected
    assert [(each["seed"], each["prompt"]) for each in objects] == [(seed, "the") for seed in range(3, 8)]
    assert [" ".join(["the", *each["tokens"]]) for each in objects] == expected


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (["--temperature", "0"], {"temperature": 0.0}),
        (["--temperature", "3", "--top-k", "2"], {"temperature": 3.0, "top_k": 2}),
        (["--top-p", "0.3"], {"top_p": 0.3}),
        (["--temperature", "9", "--allow-unk"], {"temperature": 9.0, "allow_unk": True}),
    ],
)
def test_options_reach_the_model(args: list[str], options: dict[str, float], run: Run, model: str) -> None:
    lm = load(model)
    assert isinstance(lm, LanguageModel)
    expected = [" ".join(lm.generate(seed=seed, **options)) for seed in range(40)]  # type: ignore[arg-type]
    assert run("generate", model, "-n", "40", *args).stdout.splitlines() == expected
    if "allow_unk" in options:
        assert "<unk>" in " ".join(expected)


def test_tokens_are_joined_as_the_tokenizer_does(run: Run) -> None:
    run("fit", "toy-recency", "-", "-o", "m", "--tokenizer", "char", input="天 地\n")
    printed = run("generate", "m", "--prompt", "地 ", "-n", "30", "--temperature", "5").stdout
    assert all(line.startswith("地 ") for line in printed.split("\n")[:-1])
    assert "▁" not in printed
    assert "天" in printed


def test_a_beam_finds_the_most_probable_sentences(run: Run, model: str) -> None:
    lm = load(model)
    assert isinstance(lm, LanguageModel)
    best = lm.most_probable(3, beam=8, prompt="the", max_tokens=6)
    args = ["generate", model, "--beam", "8", "-n", "3", "--prompt", "the", "--max-tokens", "6"]
    assert run(*args).stdout.splitlines() == [" ".join(["the", *each.words]) for each in best]
    objects = [json.loads(line) for line in run(*args, "--json").stdout.splitlines()]
    assert [each["tokens"] for each in objects] == [each.words for each in best]
    assert [each["log_prob"] for each in objects] == [each.log_prob for each in best]
    assert all(each["finished"] and "seed" not in each for each in objects)
    greedy = run("generate", model, "--beam", "1", "--prompt", "the", "--max-tokens", "6").stdout
    assert greedy == " ".join(["the", *lm.generate(prompt="the", temperature=0, max_tokens=6)]) + "\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--beam", "0"], 2, "0 is not in the range"),
        (["--beam", "2", "-n", "3"], 2, "-n 3 is more than --beam 2"),
        (["--beam", "2", "--temperature", "0.5"], 2, "--temperature has no effect with --beam"),
        (["--beam", "2", "--top-k", "3"], 2, "--top-k has no effect with --beam"),
        (["--beam", "2", "--seed", "0"], 2, "--seed has no effect with --beam"),
        (["--beam", "2", "--max-tokens", "0"], 1, "max_tokens must be a whole number ≥ 1"),
        (["--beam", "2", "--prompt", "a\nb"], 1, "prompt must be one line"),
        (["--temperature", "-1"], 1, "temperature must be a number ≥ 0, not -1.0"),
        (["--temperature", "nan"], 1, "temperature must be a number ≥ 0, not nan"),
        (["--top-k", "0"], 1, "top_k must be a whole number ≥ 1, not 0"),
        (["--top-p", "1.5"], 1, "top_p must be"),
        (["--max-tokens", "-1"], 1, "max_tokens must be"),
        (["--seed", "-1"], 1, "seed must be"),
        (["--prompt", "a\nb"], 1, "prompt must be one line"),
        (["-n", "0"], 2, "0 is not in the range"),
        (["--top-k", "many"], 2, "'many' is not a valid integer"),
    ],
)
def test_wrong_options(args: list[str], code: int, message: str, run: Run, model: str) -> None:
    result = run("generate", model, *args, code=code)
    assert message in result.stderr
    assert result.stdout == ""


def test_a_prompt_that_cannot_be_read_is_named(run: Run, model: str) -> None:
    assert run("generate", model, "--prompt", "a <s>", code=1).stderr.startswith("nlmkit: the prompt: the token <s>")
