"""``fit`` and ``score`` for representations: word similarity, and on request analogies, stability and a plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import click

from nlmkit.cli import output
from nlmkit.cli.kinds.options import PLOT, SAMPLES, SEED
from nlmkit.cli.kinds.part import Option
from nlmkit.cli.kinds.text import TextPart
from nlmkit.cli.progress import progress
from nlmkit.core.kinds import kind_called
from nlmkit.core.notes import note
from nlmkit.errors import DataError, NlmkitError

if TYPE_CHECKING:
    from nlmkit.core.component import Component
    from nlmkit.core.progress import Progress
    from nlmkit.representations.analogies import AnalogyReport
    from nlmkit.representations.base import Representation
    from nlmkit.representations.report import PairSet
    from nlmkit.representations.rules import Measure
    from nlmkit.representations.stability import StabilityReport
    from nlmkit.text import Corpus


class RepresentationPart(TextPart):
    """Part of the command line for representations, which are scored on pairs of words."""

    kind = kind_called("representation")
    score_flags: ClassVar[Mapping[str, Option]] = {
        "measure": click.option(
            "--measure",
            type=click.Choice(["cosine", "euclidean"]),
            help="Representation: similarity measure.  [default: cosine]",
        ),
        "samples": SAMPLES,
        "seed": SEED,
        "analogies": click.option(
            "--analogies", is_flag=True, default=None, help="Representation: also answer Google's analogy questions."
        ),
        "method": click.option(
            "--method",
            type=click.Choice(["3cosadd", "3cosmul"]),
            help="Representation: method to answer analogies.  [default: 3cosadd]",
        ),
        "restrict_vocabulary": click.option(
            "--restrict-vocabulary",
            type=click.IntRange(min=1),
            metavar="N",
            help="Representation: search answers among the N most frequent words only.",
        ),
        "stability": click.option(
            "--stability",
            multiple=True,
            metavar="MODEL",
            help="Representation: another representation, such as one with another seed, to compare nearest "
            "neighbours with.",
        ),
        "plot": PLOT,
        "words": click.option(
            "--words",
            multiple=True,
            metavar="WORDS",
            help="Representation: words to plot, separated by spaces.  [default: the most frequent 60]",
        ),
    }

    def facts(self, fitted: Component, data: Corpus | None = None) -> dict[str, Any]:
        """Return the dimension too."""
        return super().facts(fitted, data) | {"dimension": cast("Representation", fitted).dimension}

    def score(
        self,
        model: str,
        component: Representation,
        texts: tuple[str, ...],
        *,
        as_json: bool,
        encoding: str | None,
        quiet: bool,
        measure: Measure = "cosine",
        samples: int = 1000,
        seed: int = 0,
        analogies: bool = False,
        method: Literal["3cosadd", "3cosmul"] | None = None,
        restrict_vocabulary: int | None = None,
        stability: tuple[str, ...] = (),
        plot: str | None = None,
        words: tuple[str, ...] = (),
    ) -> None:
        """Print the word similarity score of a representation, and other requested figures."""
        if (method or restrict_vocabulary is not None) and not analogies:
            raise click.UsageError("--method and --restrict-vocabulary require --analogies")
        if words and plot is None:
            raise click.UsageError("--words requires --plot FILE")
        from nlmkit.representations.report import SimilarityReport, evaluate

        notes: list[str] = []
        with progress(quiet=quiet) as display:
            others = [_load_another(path) for path in stability]
            # Whatever else was asked for needs no pairs, so it is done for a text that covers too few of them too.
            more = plot is not None or analogies or bool(stability)
            sets = _pair_sets(texts, encoding, notes if more else None)
            if plot is not None:
                notes += _draw(component, model, plot, words, display)
            if display is not None:
                display.start("comparing similarities")
            report = (
                evaluate(component, sets, measure=measure, samples=samples, seed=seed, partial=True)
                if sets
                else SimilarityReport(
                    sets=(), measure=measure, lowercase=component.pipeline_.lowercase, samples=samples, seed=seed
                )
            )
            problems = [DataError(each.problem, source=each.name) for each in report.sets if each.problem]
            if problems and len(problems) == len(report.sets) and not more:
                raise problems[0]
            notes += map(str, problems)
            for message in notes:
                note(message)
            answered = _answer(component, method, restrict_vocabulary, display) if analogies else None
            compared = _compare([component, *others], seed, display) if others else None
        if as_json:
            facts: dict[str, Any] = {"model": model, "component": component.name, "kind": component.kind}
            facts |= report.to_dict()
            if answered is not None:
                facts["analogies"] = answered.to_dict()
            if compared is not None:
                facts["stability"] = {"models": [model, *stability], **compared.to_dict()}
            if plot is not None:
                facts["plot"] = plot
            if plot is not None or notes:
                facts["notes"] = notes
            output.write_json(facts)
        else:
            shown = (report if report.sets else None, answered, compared)
            parts = [found.render() for found in shown if found is not None]
            output.write("\n\n".join(parts) + "\n" if parts else "")


PART = RepresentationPart()


def _pair_sets(texts: tuple[str, ...], encoding: str | None, notes: list[str] | None) -> list[PairSet]:
    """Return the sets that are meant; none, and a note, where the standard ones are missing and notes can be taken."""
    from nlmkit.representations.report import pair_sets

    try:
        return pair_sets(texts or None, encoding=encoding or "utf-8")
    except DataError:
        raise
    except NlmkitError as error:
        if texts or notes is None:
            raise
        notes.append(str(error))
        return []


def _load_another(path: str) -> Representation:
    from nlmkit.core.storage import load

    other = load(path)
    if other.kind != PART.kind.name:
        raise NlmkitError(f"{path}: {other.name} is a {other.kind}; --stability compares representations")
    return cast("Representation", other)


def _draw(
    component: Representation, model: str, plot: str, words: tuple[str, ...], display: Progress | None
) -> list[str]:
    from nlmkit.plots.projection import plot_projection
    from nlmkit.text.tokenizers import SpaceTokenizer

    if display is not None:
        display.start("drawing")
    return plot_projection(component, plot, SpaceTokenizer().tokenize(" ".join(words)) or None, title=model)


def _answer(
    component: Representation, method: Literal["3cosadd", "3cosmul"] | None, limit: int | None, display: Progress | None
) -> AnalogyReport:
    from nlmkit.representations.analogies import evaluate_analogies

    return evaluate_analogies(component, method=method or "3cosadd", restrict_vocabulary=limit, progress=display)


def _compare(components: list[Representation], seed: int, display: Progress | None) -> StabilityReport:
    from nlmkit.representations.stability import neighbour_stability

    return neighbour_stability(components, seed=seed, progress=display)
