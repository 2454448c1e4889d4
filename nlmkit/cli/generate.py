"""``nlmkit generate``: sample sentences from a language model, or search for the most probable ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.kinds import part_of
from nlmkit.cli.options import marks_option, threads_option
from nlmkit.core.kinds import kind_of
from nlmkit.errors import SavedModelError

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.text.marks import Marks

_SAMPLING: Final = ("temperature", "top_k", "top_p", "seed")


@click.command(
    "generate",
    cls=Command,
    epilog=examples(
        "nlmkit generate kn5 -n 5 --seed 1",
        "nlmkit generate kn5 --prompt 'the market' --temperature 0.8 --top-k 50",
        "nlmkit generate kn5 -n 1000 --json > samples.jsonl",
        "nlmkit generate kn5 --beam 10 -n 3 --prompt 'the market'",
    ),
)
@click.argument("model")
@click.option(
    "--prompt",
    default="",
    metavar="TEXT",
    help="Words at the start of every sentence; with a backward model, at its end.",
)
@click.option("-n", "sentences", type=click.IntRange(min=1), default=1, show_default=True, help="Number of sentences.")
@click.option(
    "--max-tokens", type=int, default=50, show_default=True, help="Maximum number of words besides the prompt."
)
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    help="Divisor of the log-probabilities; 0 always selects the most probable word.",
)
@click.option("--top-k", type=int, help="Sample from this many most probable words.")
@click.option(
    "--top-p", type=float, help="Sample from the smallest set of most probable words that reaches this probability."
)
@click.option("--allow-unk", is_flag=True, help="Allow <unk> in a sentence.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed; sentence i (from 0) is sampled with seed + i."
)
@click.option(
    "--beam",
    type=click.IntRange(min=1),
    metavar="N",
    help="Search for the most probable sentences instead of sampling, keeping N hypotheses; 1 is greedy search.",
)
@marks_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    allow_from_autoenv=False,
    help="Print one JSON object per line: seed, prompt, tokens (without the prompt), text; with --beam, log_prob "
    "(natural, of tokens and </s>) and finished instead of seed.",
)
@click.pass_context
@threads_option
def command(
    ctx: click.Context,
    *,
    model: str,
    prompt: str,
    sentences: int,
    max_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    allow_unk: bool,
    seed: int,
    beam: int | None,
    marks: Marks | None,
    as_json: bool,
) -> None:
    """Sample sentences from the saved language model MODEL, or search for its most probable ones, one per line.

    A sentence ends at </s> or after --max-tokens words. The same model, options and seed produce the same sentences. A
    backward model samples from the last word to the first, and --max-tokens cuts off the beginning.

    With --beam, sentences are ranked by their probability, which </s> is part of, best first. There can be
    fewer than -n.
    """
    if beam is not None:
        for name in _SAMPLING:
            if ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP):
                raise click.UsageError(f"--{name.replace('_', '-')} has no effect with --beam: omit one of them")
        if sentences > beam:
            raise click.UsageError(f"-n {sentences} is more than --beam {beam}")
    lm = _loaded(model)
    marks = part_of(kind_of(type(lm))).marks_or(marks)
    pipeline = lm.pipeline_.with_marks(marks)

    def write(tokens: list[str], facts: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        given = pipeline.tokenize(prompt)
        text = pipeline.detokenize([*tokens, *given] if lm.reads_backward else [*given, *tokens])
        if as_json:
            found = {**facts, "prompt": prompt, "tokens": tokens, "text": text, **more}
            output.write(output.to_json(found) + "\n")
        else:
            output.write(output.for_terminal(text) + "\n")
        output.flush()

    if beam is not None:
        found = lm.most_probable(
            sentences, beam=beam, max_tokens=max_tokens, prompt=prompt, allow_unk=allow_unk, marks=marks
        )
        for each in found:
            write(each.words, {}, {"log_prob": each.log_prob, "finished": each.finished})
        return
    for number in range(seed, seed + sentences):
        tokens = lm.generate(
            max_tokens=max_tokens,
            prompt=prompt,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            allow_unk=allow_unk,
            seed=number,
            marks=marks,
        )
        write(tokens, {"seed": number}, {})


def _loaded(model: str) -> LanguageModel:
    """Return the saved language model.

    Raises:
        SavedModelError: It is of another kind, or damaged.
    """
    from nlmkit.cli.texts import load_language_model
    from nlmkit.core.storage import describe

    found = describe(model)
    if found["kind"] == "sequence-to-sequence":
        raise SavedModelError(
            f"{model}: {found['component']} is a {found['kind']} model, whose sentences depend on a source: use nlmkit "
            "translate, with --sample to sample"
        )
    return load_language_model(model)
