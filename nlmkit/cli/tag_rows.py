"""What ``nlmkit tag`` prints of a sentence: columns, JSON, spans or words."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nlmkit.cli import output
from nlmkit.cli.carried import carried, carried_cell
from nlmkit.errors import NlmkitError
from nlmkit.text.tag_schemes import PLAIN, Span, convert, read_spans, write_spans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.cli.tag_input import Block
    from nlmkit.taggers.base import Tagger


_TAKEN: Final = (
    *("sentence", "position", "token", "tag", "probability", "start", "end", "type", "text", "words"),
    *("tokens", "features", "gold", "tags", "spans", "probabilities", "marginals", "n_best"),
)
"""Names of columns and keys that answers have."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """A tagged sentence.

    Attributes:
        tokens: Its tokens as they were given.
        features: Further columns of the file that it comes from, by name.
        gold: Tags of the file, where they were read.
        tags: Predicted tags in the scheme of training.
        inner: The same in the scheme that the model was trained in.
        spans: Spans with their probabilities, None for a probability that was not asked for; None for plain tags.
        marginals: Probability of each of the model's tags: float64 [tokens, tags]; or None.
        n_best: Log-probabilities and tags, best first; or None.
        gaps: Tokens in front of which the raw line has white space that is no token.
        others: Values of the other columns of a table, by name.
    """

    tokens: list[str]
    features: Mapping[str, list[str]]
    gold: list[str] | None
    tags: list[str]
    inner: list[str]
    spans: list[tuple[Span, float | None]] | None
    marginals: NDArray[np.float64] | None
    n_best: list[tuple[float, list[str]]] | None
    gaps: Sequence[int]
    others: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def answers(tagger: Tagger, block: Block, *, with_spans: bool, marginals: bool, n_best: int | None) -> Iterator[Answer]:
    """Yield the answer to each sentence.

    Args:
        tagger: The model.
        block: Sentences, with or without tags.
        with_spans: Whether spans need their probabilities.
        marginals: Whether to compute the probabilities of tags and spans.
        n_best: How many sequences to find; None for none.
    """
    data = block.sentences
    bare = data.without_tags()
    scheme, inner = tagger.scheme_, tagger.inner_scheme_
    has_spans = scheme != PLAIN
    spans = tagger.predict_spans(bare) if has_spans and (with_spans or marginals) else None
    if spans is None:
        predicted = tagger.predict(bare)
    else:  # they say the tags, so that these need no second search
        lengths = map(len, bare.token_lists())
        predicted = [
            write_spans((span for span, _ in own), length, scheme) for own, length in zip(spans, lengths, strict=True)
        ]
    probabilities = tagger.predict_marginals(bare) if marginals else None
    sequences = None if n_best is None else tagger.n_best(bare, n_best)
    others = carried(block.others, _TAKEN)
    for index, tags in enumerate(predicted):
        if spans is not None:
            found: list[tuple[Span, float | None]] | None = list(spans[index])
        else:
            found = [(span, None) for span in read_spans(tags, scheme).spans] if has_spans else None
        yield Answer(
            tokens=data.sentence(index),
            features={name: data.feature_of(place, index) for place, name in enumerate(data.feature_names)},
            gold=None if data.tags is None else data.tags_of(index),
            tags=tags,
            inner=convert(tags, scheme, inner)[0] if has_spans else tags,
            spans=found,
            marginals=None if probabilities is None else probabilities[index],
            n_best=None if sequences is None else sequences[index],
            gaps=() if block.gaps is None else block.gaps[index],
            others={name: values[index] for name, values in others.items()},
        )


class Writer:
    """Prints answers.

    Args:
        tagger: The model.
        model: Its name.
        header: Whether to print the names of columns, if the format has any.
        marginals: Whether to print probabilities of tags.

    Raises:
        NlmkitError: The model has no such answers.
    """

    def __init__(self, tagger: Tagger, model: str, *, header: bool, marginals: bool) -> None:
        self.tags = {tag: place for place, tag in enumerate(tagger.tags_)}
        self.joint = "" if tagger.pipeline_.tokenizer == "char" else " "
        self.marginals = marginals

    def write(self, answer: Answer) -> None:
        """Print the answer to one sentence."""
        raise NotImplementedError

    def probabilities(self, answer: Answer) -> list[float]:
        """Return the probability of the predicted tag of each token."""
        if answer.marginals is None:
            return []
        return [float(row[self.tags[tag]]) for row, tag in zip(answer.marginals, answer.inner, strict=True)]

    def text(self, answer: Answer, span: Span) -> str:
        """Return the tokens of a span as text."""
        return self.joint.join(answer.tokens[span.start : span.end])


class ColumnWriter(Writer):
    """One token per line, and a blank line after each sentence."""

    def write(self, answer: Answer) -> None:
        """Print the token, the other columns of the file, the tag, and its probability if asked for."""
        gold = [] if answer.gold is None else [answer.gold]
        columns = [answer.tokens, *answer.features.values(), *gold, answer.tags]
        if self.marginals:
            columns.append([f"{value:.6f}" for value in self.probabilities(answer)])
        rows = ("\t".join(map(output.escape_controls, row)) + "\n" for row in zip(*columns, strict=True))
        output.write("".join(rows) + "\n")


class TableWriter(Writer):
    """A token a row, with a header, for sentences that come from a table: its other columns follow."""

    def __init__(self, tagger: Tagger, model: str, *, header: bool, marginals: bool) -> None:
        super().__init__(tagger, model, header=header, marginals=marginals)
        self.sentences = 0
        self.header_due = header

    def write(self, answer: Answer) -> None:
        """Print sentence, position, token, tag, its probability if asked for, and the row of the table."""
        if self.header_due:
            heads = ["sentence", "position", "token", "tag", *["probability"] * self.marginals, *answer.others]
            output.write("\t".join(map(output.escape_controls, heads)) + "\n")
            self.header_due = False
        self.sentences += 1
        columns = [map(str, range(1, len(answer.tokens) + 1)), answer.tokens, answer.tags]
        if self.marginals:
            columns.append([f"{value:.6f}" for value in self.probabilities(answer)])
        others = "".join(f"\t{carried_cell(value)}" for value in answer.others.values())
        for row in zip(*columns, strict=True):
            cells = "\t".join(map(output.escape_controls, (str(self.sentences), *row)))
            output.write(f"{cells}{others}\n")


class JsonWriter(Writer):
    """One object per line."""

    def write(self, answer: Answer) -> None:
        """Print everything that is known of the sentence."""
        facts: dict[str, Any] = {"tokens": answer.tokens}
        if answer.features:
            facts["features"] = dict(answer.features)
        if answer.gold is not None:
            facts["gold"] = answer.gold
        facts["tags"] = answer.tags
        if answer.spans is not None:
            facts["spans"] = [
                {"type": span.type, "start": span.start, "end": span.end, "text": self.text(answer, span)}
                | ({} if probability is None else {"probability": probability})
                for span, probability in answer.spans
            ]
        if answer.marginals is not None:
            facts["probabilities"] = self.probabilities(answer)
            facts["marginals"] = [dict(zip(self.tags, row, strict=True)) for row in answer.marginals.tolist()]
        if answer.n_best is not None:
            facts["n_best"] = [{"log_probability": score, "tags": tags} for score, tags in answer.n_best]
        output.write(output.to_json(facts | dict(answer.others)) + "\n")


class SpanWriter(Writer):
    """One span per line."""

    columns = ("sentence", "start", "end", "type", "probability", "text")

    def __init__(self, tagger: Tagger, model: str, *, header: bool, marginals: bool) -> None:
        super().__init__(tagger, model, header=header, marginals=marginals)
        if tagger.scheme_ == PLAIN:
            raise NlmkitError(f"{model}: its tags form no spans: use --format columns or jsonl")
        self.sentences = 0
        self.header_due = header

    def write(self, answer: Answer) -> None:
        """Print the spans of the sentence, after the header at the first one."""
        if self.header_due:
            output.write("\t".join([*self.columns, *map(output.escape_controls, answer.others)]) + "\n")
            self.header_due = False
        self.sentences += 1
        for span, probability in answer.spans or ():
            cells = [str(self.sentences), str(span.start), str(span.end), span.type, f"{probability:.6f}"]
            row = [*map(output.escape_controls, [*cells, self.text(answer, span)])]
            output.write("\t".join([*row, *map(carried_cell, answer.others.values())]) + "\n")


class WordWriter(Writer):
    """The words of a segmented sentence, separated by spaces."""

    def __init__(self, tagger: Tagger, model: str, *, header: bool, marginals: bool) -> None:
        super().__init__(tagger, model, header=header, marginals=marginals)
        if not tagger.is_segmenter_:
            raise NlmkitError(
                f"{model}: --format words is for segmenters, whose tags say only where words begin and end: use "
                "--format columns, spans or jsonl"
            )
        self.header_due = header

    def write(self, answer: Answer) -> None:
        """Print the words; white space of the line separates words too, whatever the tags are."""
        bounds = sorted({*(span.start for span, _ in answer.spans or ()), *answer.gaps, len(answer.tokens)})
        words = ("".join(answer.tokens[start:end]) for start, end in itertools.pairwise(bounds))
        text = output.for_terminal(" ".join(words))
        if not answer.others:
            output.write(text + "\n")
            return
        if self.header_due:
            output.write("\t".join(["words", *map(output.escape_controls, answer.others)]) + "\n")
            self.header_due = False
        output.write("\t".join([output.escape_controls(text), *map(carried_cell, answer.others.values())]) + "\n")


WRITERS: Final[Mapping[str, type[Writer]]] = {
    "columns": ColumnWriter,
    "table": TableWriter,
    "jsonl": JsonWriter,
    "spans": SpanWriter,
    "words": WordWriter,
}
"""What prints each format."""
