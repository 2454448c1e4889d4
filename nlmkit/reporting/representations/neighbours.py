"""Section with the nearest neighbours of words, and how far representations agree on them."""

from __future__ import annotations

from nlmkit.reporting.blocks import Block, Column, Section, Table, Value
from nlmkit.reporting.representations.study import RepresentationStudy
from nlmkit.representations.stability import neighbour_stability

_WORDS = 24
_SKIPPED = 40  # the most frequent words, which are function words
_NEIGHBOURS = 6
_COMPARED = 10
_FEWEST = 50  # shared words from which neighbours are compared
_SAMPLE = 500  # words whose neighbours are compared


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
        "Some of the more frequent words, with the words whose vectors point most nearly the same way: those whose "
        "cosine is nearest to 1."
    )
    return Section(title="Neighbours", lead=lead, blocks=tuple(blocks))


def _agreement(study: RepresentationStudy) -> list[Block]:
    if len(study.subjects) < 2 or len(study.shared) < _FEWEST:
        return []
    found = neighbour_stability(study.models, k=_COMPARED, sample=_SAMPLE, seed=study.options.seed)
    names = [Value(subject.name, color=subject.color) for subject in study.subjects]
    rows = tuple((names[one], names[other], Value(f"{share:.1%}", share)) for one, other, share in found.pairs)
    columns = (Column("Representation"), Column("Another"), Column("Shared neighbours", numeric=True))
    caption = f"Share of the {_COMPARED} nearest neighbours that two representations have in common"
    return [Table(caption=f"{caption}, over {len(found.words):,} words", columns=columns, rows=rows)]
