"""``nlmkit perplexity`` for sequence-to-sequence models: the perplexity of targets, given their sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from nlmkit.cli import output
from nlmkit.cli.options import for_source
from nlmkit.cli.pairs import print_notes
from nlmkit.cli.perplexity_rows import write_rows
from nlmkit.cli.progress import progress
from nlmkit.cli.texts import Part

if TYPE_CHECKING:
    from nlmkit.cli.line_filter import LineFilter
    from nlmkit.cli.pairs import PairFiles
    from nlmkit.cli.perplexity_rows import RowForm
    from nlmkit.seq2seq.base import SequenceToSequence
    from nlmkit.text import Vocabulary
    from nlmkit.text.marks import Marks
    from nlmkit.text.parallel import ParallelTexts

_AT_ONCE = 1000  # pairs whose rows are written together


@dataclasses.dataclass(frozen=True, eq=False)
class PairPart(Part):
    """Consecutive pairs: the corpus has the targets.

    Attributes:
        pairs: Sources and targets.
    """

    pairs: ParallelTexts = dataclasses.field(kw_only=True)


@dataclasses.dataclass(frozen=True)
class PairScorer:
    """Scorer of targets, given their sources."""

    model: SequenceToSequence

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of targets."""
        return self.model.vocabulary_

    def log_probs(self, part: Part) -> NDArray[np.float64]:
        """Return the natural log-probability of every event of the targets: float64 [events]."""
        assert isinstance(part, PairPart)
        return self.model.log_probs(part.pairs)

    def log_probs_and_details(self, part: Part) -> tuple[NDArray[np.float64], Mapping[str, NDArray[Any]]]:
        """Return the same; such models add no details."""
        return self.log_probs(part), {}

    def note_cheap_unknown(self, oov: int, words: int) -> None:
        """Send no note: what ``<unk>`` costs depends on the source."""


def score_pairs(
    model: str,
    files: PairFiles,
    line_filter: LineFilter,
    form: RowForm,
    *,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print the perplexity of targets as a report, or as rows, or write the pairs that pass.

    Args:
        model: Where the model is.
        files: Where the pairs are.
        line_filter: Bounds of a pair.
        form: What is written in place of a report.
        encoding: Encoding of the files; None for that of training.
        errors: What to do with undecodable bytes; None for what was done in training.
        marks: What to do with sentence marks and NUL; None for an error.
        as_json: Whether the report is JSON.
        quiet: Whether to draw no progress and print no notes.
    """
    from nlmkit.core.storage import load
    from nlmkit.seq2seq.base import SequenceToSequence

    component: SequenceToSequence = load(model, SequenceToSequence)
    files.check(component.takes, model)
    if line_filter.is_given and not form.per_line and component.takes == "vectors":
        raise click.UsageError("--max-perplexity and --max-oov print pairs of texts: use --per-line to filter rows")
    decoding = for_source(component.pipeline_, encoding, errors, marks or "error").decoding
    is_report = not (form.has_rows or line_filter.is_given)
    with progress(quiet=quiet) as display:
        if display is not None:
            display.start("reading pairs")
        data = files.read(component.takes, decoding)
        print_notes(data, quiet=quiet)
        if is_report:
            if display is not None:
                display.start("scoring")
            report = component.perplexity_report(data)
    if not is_report:
        write_rows(PairScorer(component), pair_parts(component, data), line_filter, form)
    elif as_json:
        output.write_json(report.to_dict(model))
    else:
        output.write(report.render() + "\n")


def pair_parts(model: SequenceToSequence, data: ParallelTexts) -> Iterator[PairPart]:
    """Yield pairs some at a time, the targets as lines and the sources, where they are texts, as a column beside."""
    for start in range(0, len(data), _AT_ONCE):
        pairs = data.subset(np.arange(start, min(start + _AT_ONCE, len(data))))
        targets = list(pairs.required_targets(blank=True))
        others: dict[str, list[Any]] = {} if pairs.has_vectors else {"source": list(pairs.required_texts())}
        records = [
            "\t".join(text.replace("\t", " ") for text in pair) for pair in zip(*others.values(), targets, strict=True)
        ]
        yield PairPart(pairs.target_corpus(model.pipeline_), targets, records, others, pairs=pairs)
