"""Section with the nearest neighbours of words, and how far representations agree on them."""

from __future__ import annotations

from nlmkit.errors import DataError
from nlmkit.reporting.blocks import Block, Column, Note, Section, Table, Value
from nlmkit.reporting.representations.study import RepresentationStudy
from nlmkit.representations.stability import neighbour_stability

_WORDS = 24
_SKIPPED = 40  # the most frequent words, which are function words
_NEIGHBOURS = 6
_COMPARED = 10
_FEWEST = 50  # shared words from which neighbours are compared


def neighbours(study: RepresentationStudy) -> Section | None:
    """Return the neighbours of example words; None if the representations share no word."""
    words = study.examples(_WORDS, skip=_SKIPPED)
    if not words:
        return None
    columns = (Column("Word"), *(Column(subject.name) for subject in study.subjects))
    rows = []
    for word in words:
        found: list[Value | str] = [word]
        for model in study.models:
            nearest = model.most_similar(word, _NEIGHBOURS)
            found.append(", ".join(f"{other} {similarity:.2f}" for other, similarity in nearest))
        rows.append(tuple(found))
    caption = f"The {_NEIGHBOURS} nearest neighbours by cosine"
    blocks: list[Block] = [Table(caption=caption, columns=columns, rows=tuple(rows)), *_agreement(study)]
    lead = (
        f"Words after the {_SKIPPED} most frequent ones, with the words whose vectors point most nearly the same way."
    )
    return Section(title="Neighbours", lead=lead, blocks=tuple(blocks))


def _agreement(study: RepresentationStudy) -> list[Block]:
    if len(study.subjects) < 2 or len(study.shared) < _FEWEST:
        return []
    rows = []
    for place, one in enumerate(study.subjects):
        for other in study.subjects[place + 1 :]:
            models = [study.models[place], study.models[study.subjects.index(other)]]
            try:
                share = neighbour_stability(models, k=_COMPARED, sample=500, seed=study.options.seed).overlap
            except DataError as error:
                return [Note(error.problem)]
            rows.append((Value(one.name, color=one.color), Value(other.name, color=other.color), f"{share:.1%}"))
    columns = (Column("Representation"), Column("Another"), Column("Shared neighbours", numeric=True))
    caption = f"Share of the {_COMPARED} nearest neighbours that two representations have in common, over 500 words"
    return [Table(caption=caption, columns=columns, rows=tuple(rows))]
