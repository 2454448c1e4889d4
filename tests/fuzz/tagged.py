"""Readers of tagged sentences under hostile input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import strategies as st

from fuzz.mutations import mutated
from fuzz.target import Target

COLUMNS = [
    b"-DOCSTART- -X- O\n\nThe DT B-NP\ncat NN I-NP\n# one\nsat VBD B-VP\n. . O\n\n# SYM I-NP\n",
    b"New York\tNNP\tS-LOC\r\n\xe7\x8c\xab\tNN\tB-X\r\n\tNN\tE-X\r\n",
    "我 B\n们 E\n好 S\n\n".encode(),
    b"a U-X\nb B-X\nc I-X\nd L-X\ne O\n",
]
TREE = (
    b"# text = Don't\n1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_\n1\tDo\tdo\tAUX\tVB\t_\t0\troot\t_\t_\n"
    b"2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_\n2.1\tx\tx\tX\tX\t_\t_\t_\t_\t_\n\n"
)
SEGMENTED = "我们  喜欢\u3000语言\t。\r\n\n a 好\n".encode()
SEEDS = {"columns": COLUMNS, "conllu": [TREE], "segmented": [SEGMENTED]}


def targets() -> Iterator[Target]:
    """The reader of each format."""
    columns = st.sampled_from([0, -1, 1, 2, 9, -9, "upos", "form", "", True])
    options = st.fixed_dictionaries(
        {},
        optional={
            "word_column": columns,
            "tag_column": columns | st.none(),
            "feature_columns": st.lists(columns, max_size=2),
            "scheme": st.sampled_from(["IOB1", "IOB2", "BIOES", "BMES", "BILOU", "plain"]),
            "errors": st.sampled_from(["strict", "replace", "ignore"]),
            "marks": st.sampled_from(["error", "skip", "literal"]),
        },
    )
    forms = st.sampled_from(list(SEEDS)).flatmap(
        lambda form: st.tuples(st.just(form), mutated([*SEEDS[form], b""]), st.just({}) | options)
    )
    yield Target("tagged sentences", forms, _read)


def _read(given: tuple[str, bytes, dict[str, Any]], folder: Path) -> None:
    from nlmkit.text.tag_schemes import PLAIN, convert
    from nlmkit.text.tagged import TaggedSentences

    form, content, options = given
    file = folder / "sentences"
    file.write_bytes(content)
    data = TaggedSentences.read(file, format=form, **options)
    assert all(word and "\n" not in word and "\0" not in word for word in data.words.types)
    assert all(len(column) == data.tokens for column in (data.words, *data.features))
    assert len(data.features) == len(data.feature_names) == len(options.get("feature_columns", ()))
    assert data.lines is not None
    assert (np.diff(data.lines) > 0).all()
    assert all("\n" not in note for note in data.notes)
    with mock.patch("nlmkit.text.tagged_reading._BLOCK_BYTES", 7):
        assert TaggedSentences.read(file, format=form, **options).digest == data.digest
    if data.tags is None or data.scheme == PLAIN:
        return
    inner, repairs = data.in_scheme("BIOES")
    each = [convert(tags, str(data.scheme), "BIOES") for tags in data.tag_lists()]
    assert inner.tag_lists() == [tags for tags, _ in each]
    assert repairs == sum(count for _, count in each)
    assert inner.in_scheme(str(data.scheme))[0].in_scheme("BIOES")[0].digest == inner.digest
