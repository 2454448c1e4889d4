"""Mistaken command lines: each leads to the one that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Run
from nlmkit.cli.group import ALIASES, COMMANDS
from nlmkit.cli.guesses import _COMMANDS


@pytest.mark.parametrize(
    ("verb", "leads_to"),
    [
        ("train", "nlmkit fit COMPONENT TRAIN"),
        ("infer", "nlmkit predict MODEL TEXT"),
        ("evaluate", "nlmkit perplexity MODEL TEXT"),
        ("eval", "nlmkit score MODEL TEST"),
        ("test", "nlmkit perplexity MODEL TEXT"),
        ("draw", "--plot FILE, an option of fit, compare, score, show and tag"),
        ("annotate", "nlmkit classify MODEL TEXT"),
        ("annotate", "nlmkit tag MODEL TEXT"),
        ("segment", "nlmkit tag MODEL TEXT --format words"),
        ("neighbours", "nlmkit similar MODEL WORD"),
        ("download", "nlmkit corpora list"),
        ("Train", "nlmkit fit"),
        ("caption", "nlmkit translate MODEL TEXT"),
        ("bleu", "nlmkit score MODEL TEST.tsv"),
        ("attention", "nlmkit translate MODEL TEXT --attention FILE"),
        ("cross_validate", "--cross-validate 10"),
    ],
)
def test_a_verb_of_another_program_leads_to_the_command(verb: str, leads_to: str, run: Run) -> None:
    stderr = run(verb, "some", "words", code=2).stderr
    assert f"no command '{verb}': use " in stderr
    assert leads_to in stderr


def test_no_guess_hides_a_command_and_each_names_one(run: Run) -> None:
    assert not set(_COMMANDS) & ({*COMMANDS} | {*ALIASES})
    for leads_to in _COMMANDS.values():
        words = leads_to.replace("nlmkit ", "\n").split("\n")
        named = [word.split()[0].strip(",") for word in words[1:] if word]
        assert "--plot" in leads_to or any(name in COMMANDS or name.startswith("--") for name in named), leads_to


def test_a_component_or_a_model_in_the_place_of_a_command(run: Run, model: str) -> None:
    stderr = run("ngram", "my text.txt", "-o", "m", code=2).stderr
    assert "ngram is a component; use nlmkit fit ngram 'my text.txt' -o m" in stderr
    assert "use nlmkit fit toy-recency TRAIN... -o MODEL" in run("toy-recency", code=2).stderr
    assert f"{model} is a saved model; use nlmkit show ./{model}" in run(model, code=2).stderr
    assert "no command 'comparee'; did you mean compare?" in run("comparee", code=2).stderr
    assert "no command 'zzzz'\n" in run("zzzz", code=2).stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fit", "lstm", "t", "-o", "m", "--epochs", "1"], "--epochs; did you mean -p epochs=1?"),
        (["fit", "lstm", "--epochs=3", "t"], "--epochs; did you mean -p epochs=3?"),
        (["fit", "lstm", "t", "--learning-rate", "0.1"], "--learning-rate; did you mean -p lr=0.1?"),
        (["fit", "lstm", "t", "--hidden"], "--hidden; did you mean -p hidden=VALUE?"),
        (["fit", "lstm", "t", "--tied", "-q"], "--tied; did you mean -p tied=VALUE?"),
        (["fit", "ngram", "t", "--entropy-prune", "1e-8"], "--entropy-prune; did you mean -p entropy_prune=1e-8?"),
        (["fit", "ngram", "t", "--prune", "[0, 1]"], "--prune; did you mean -p prune='[0, 1]'?"),
        (["fit", "ngram", "t", "--ordr", "3"], "--ordr; did you mean -p order=3?"),
        (["fit", "nlmkit-toy:toy-recency", "t", "--k", "-1"], "--k; did you mean -p k=-1?"),
        (["fit", "ngram", "t", "--epochs", "1"], "; set hyper-parameters with -p KEY=VALUE (nlmkit show ngram"),
        (["fit", "--hidden", "1"], "; set hyper-parameters with -p KEY=VALUE (nlmkit show COMPONENT lists them)"),
        (["fit", "lstm", "t", "--outptu", "m"], "--outptu; did you mean --output?"),
        (["perplexity", "m", "t", "--contxt", "stream"], "--contxt; did you mean --context?"),
        (["perplexity", "m", "t", "--order", "3"], "No such option: --order\n"),
        (["plugins", "check", "ngram", "--order", "2"], "--order; did you mean -p order=2?"),
    ],
)
def test_an_unknown_option_leads_to_what_was_meant(args: list[str], message: str, run: Run) -> None:
    stderr = run(*args, code=2).stderr
    assert "No such option: " in stderr
    assert message in stderr


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("budget=20m", "budget is an option, not a hyper-parameter of lstm: use --budget 20m"),
        ("write_config=my run.toml", "use --write-config 'my run.toml'"),
        ("tokenizer=char", "tokenizer is an option, not a hyper-parameter of lstm: use --tokenizer char"),
    ],
)
def test_an_option_that_is_given_as_a_hyper_parameter_is_shown_as_an_option(given: str, meant: str, run: Run) -> None:
    assert meant in run("fit", "lstm", "t.txt", "-o", "m", "-p", given, code=2).stderr


def test_what_is_both_stays_a_hyper_parameter(run: Run) -> None:
    pytest.importorskip("sklearn", reason="nbsvm needs scikit-learn")
    Path("t.tsv").write_text("a\tgood film\nb\tbad film\na\tgood\nb\tbad\n" * 3, encoding="utf-8")
    run("fit", "nbsvm", "t.tsv", "-o", "m", "-p", "tokenizer=char")


def test_similar_has_the_name_of_the_method_too(run: Run, tmp_path: Path) -> None:
    Path("t.txt").write_text("a b c\nb c a\nc a b\na c b\n" * 3, encoding="utf-8")
    run("fit", "one-hot", "t.txt", "-o", "v")
    for name in ("similar", "most-similar", "most_similar"):
        assert run(name, "v", "a", "-n", "1").stdout == run("similar", "v", "a", "-n", "1").stdout
    assert "most-similar" not in run("--help").stdout


@pytest.mark.parametrize("option", ["--train", "--text", "--corpus", "--input", "-i", "--train-file"])
def test_an_option_for_the_training_text_leads_to_the_argument(option: str, run: Run) -> None:
    stderr = run("fit", "ngram", option, "train.txt", "-o", "m", code=2).stderr
    assert "the training text is an argument: nlmkit fit ngram TRAIN... -o MODEL" in " ".join(stderr.split())


def test_a_hyper_parameter_that_resembles_none_leads_to_the_list(run: Run) -> None:
    Path("t.txt").write_text("a b\n")
    stderr = run("fit", "ngram", "t.txt", "-o", "m", "-p", "epochs=3", code=1).stderr
    assert "ngram has no hyper-parameter 'epochs': see nlmkit show ngram" in stderr
    Path("run.toml").write_text("[params]\nepochs = 3\n")
    assert "nlmkit show ngram" in run("fit", "ngram", "t.txt", "-o", "m", "--config", "run.toml", code=1).stderr
