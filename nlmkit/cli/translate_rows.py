"""What ``nlmkit translate`` prints of a source: a line, rows of the best translations, or JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nlmkit.cli import output
from nlmkit.cli.carried import carried, carried_cell

if TYPE_CHECKING:
    from nlmkit.cli.translate_input import Block
    from nlmkit.seq2seq.base import SequenceToSequence
    from nlmkit.seq2seq.translations import Translation

_KEYS = ("source", "translation", "tokens", "log_prob", "score", "n_best", "samples", "line", "rank", "sample", "text")


@dataclasses.dataclass(frozen=True)
class Found:
    """A target of a source; log-probability and score are None where it was sampled."""

    text: str
    tokens: Sequence[str]
    log_prob: float | None = None
    score: float | None = None


class Finder(Protocol):
    """What finds the targets of sources."""

    def find(self, model: SequenceToSequence, block: Block, number: int) -> Iterator[Sequence[Found]]:
        """Yield the targets of each source that is not blank, best first.

        Args:
            model: The model.
            block: The sources.
            number: How many lines came before.
        """
        ...


@dataclasses.dataclass
class Search:
    """Beam search.

    Attributes:
        n: How many targets to find.
        arguments: Arguments of ``n_best``.
        plot: File of the picture of the first target's attention; None once it is drawn.
    """

    n: int
    arguments: Mapping[str, Any]
    plot: str | None = None

    def find(self, model: SequenceToSequence, block: Block, number: int) -> Iterator[Sequence[Found]]:
        """Yield the targets of each source that is not blank, best first."""
        for best in model.n_best(block.sources, self.n, **self.arguments):
            if self.plot is not None and draw_attention(best[0], self.plot):
                self.plot = None
            yield [Found(each.text, each.tokens, each.log_prob, each.score) for each in best]


@dataclasses.dataclass(frozen=True)
class Sampling:
    """Sampling.

    Attributes:
        n: How many targets to sample.
        seed: Seed of the first one.
        arguments: Arguments of ``generate``.
    """

    n: int
    seed: int
    arguments: Mapping[str, Any]

    def find(self, model: SequenceToSequence, block: Block, number: int) -> Iterator[Sequence[Found]]:
        """Yield samples of each source that is not blank; sample j of line i has the seed ``seed + i * n + j``."""
        for index, place in enumerate(block.places):
            first = self.seed + (number + place) * self.n
            source = block.sources.sources[index]
            drawn = [model.generate(source, seed=seed, **self.arguments) for seed in range(first, first + self.n)]
            yield [Found(model.pipeline_.detokenize(tokens), tokens) for tokens in drawn]


def draw_attention(translation: Translation, path: str) -> bool:
    """Draw the attention of a target; return whether it has a word or mark, and its source too."""
    if translation.attention is None or not translation.attention.size:
        return False
    from nlmkit.plots.attention import plot_attention
    from nlmkit.text import EOS

    events, length = translation.attention.shape
    target = [*translation.tokens, EOS][:events]
    source = [*translation.source_tokens, EOS][:length]
    plot_attention(source, target, translation.attention, path, title=translation.text)
    return True


class Writer:
    """Prints the targets of sources.

    Attributes:
        lines: Number of lines so far.
    """

    def __init__(self, *, header: bool = True) -> None:
        self.lines = 0
        self.header_due = header

    def write(self, block: Block, found: Iterator[Sequence[Found]]) -> None:
        """Print the targets of each line, none for a blank one."""
        filled = set(block.places)
        others = carried(block.others, _KEYS)
        for place, line in enumerate(block.lines):
            self.lines += 1
            targets = next(found) if place in filled else ()
            output.write(self.answer(line, targets, {name: values[place] for name, values in others.items()}))
        output.flush()

    def answer(self, line: str, targets: Sequence[Found], others: Mapping[str, Any]) -> str:
        """Return what is printed of a line.

        Args:
            line: The line.
            targets: What was found for it; nothing for a blank line.
            others: The other columns of a table.
        """
        raise NotImplementedError


class LineWriter(Writer):
    """One line per line: the best target, or a blank line for a blank one."""

    def answer(self, line: str, targets: Sequence[Found], others: Mapping[str, Any]) -> str:
        """Return the best target."""
        return (_printed(targets[0].text) if targets else "") + "\n"


class TableWriter(Writer):
    """A row per row of a table: the best target, empty for a blank one, then the other columns of the table."""

    def answer(self, line: str, targets: Sequence[Found], others: Mapping[str, Any]) -> str:
        """Return the row, after the names of the columns at the first line."""
        heads = "\t".join(map(output.escape_controls, ("translation", *others))) + "\n" if self.header_due else ""
        self.header_due = False
        text = output.escape_controls(targets[0].text) if targets else ""
        return heads + "\t".join([text, *map(carried_cell, others.values())]) + "\n"


class RowWriter(Writer):
    """A row per target, none for a blank line; the other columns of a table follow.

    Args:
        header: Whether to print the names of the columns.
        sampled: Whether targets have no log-probability and score.
    """

    def __init__(self, *, header: bool, sampled: bool) -> None:
        super().__init__(header=header)
        self.columns = ("line", "sample", "text") if sampled else ("line", "rank", "score", "log_prob", "text")

    def answer(self, line: str, targets: Sequence[Found], others: Mapping[str, Any]) -> str:
        """Return the rows, after the names of the columns at the first line."""
        heads = (*self.columns, *map(output.escape_controls, others))
        rows = ["\t".join(heads) + "\n"] if self.header_due else []
        self.header_due = False
        carried_along = [*map(carried_cell, others.values())]
        for rank, target in enumerate(targets, start=1):
            figures = [output.number(each) for each in (target.score, target.log_prob) if each is not None]
            text = output.escape_controls(target.text) if others else _printed(target.text)
            rows.append("\t".join([str(self.lines), str(rank), *figures, text, *carried_along]) + "\n")
        return "".join(rows)


class JsonWriter(Writer):
    """An object per line.

    Args:
        every: Name of the list of all targets of a line; None to print the best alone.
        has_source: Whether lines are sources.
        sampled: Whether targets have no log-probability and score.
    """

    def __init__(self, *, every: str | None, has_source: bool, sampled: bool) -> None:
        super().__init__(header=False)
        self.every, self.has_source, self.sampled = every, has_source, sampled

    def answer(self, line: str, targets: Sequence[Found], others: Mapping[str, Any]) -> str:
        """Return the object."""
        best = targets[0] if targets else Found("", ())
        facts: dict[str, Any] = {"source": line} if self.has_source else {}
        facts |= self._facts(best, "translation")
        if self.every is not None:
            facts[self.every] = [self._facts(target, "text") for target in targets]
        return output.to_json(facts | dict(others)) + "\n"

    def _facts(self, target: Found, name: str) -> dict[str, Any]:
        facts: dict[str, Any] = {name: target.text, "tokens": list(target.tokens)}
        return facts if self.sampled else facts | {"log_prob": target.log_prob, "score": target.score}


def _printed(text: str) -> str:
    """Return a target as one line, escaped if it is for a terminal; tokens of bytes can make line feeds."""
    return output.for_terminal(text.replace("\n", " "))
