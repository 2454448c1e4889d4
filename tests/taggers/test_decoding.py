"""Taggers that predict by minimum Bayes risk: legal tags of the spans with the highest expected F1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nlmkit
from nlmkit import BiLSTMTagger, CRFTagger
from nlmkit.errors import HyperParameterError
from nlmkit.taggers.decoding import span_tags
from nlmkit.testing import tagged_data
from nlmkit.text.tag_schemes import read_spans

MBR: dict[str, Any] = {"decoding": "mbr"}
SMALL: dict[str, Any] = {"embedding": 8, "character_maps": 4, "hidden": 8, "epochs": 1, "batch": 8, "lr": 0.02}


def expected_worth(tagger: Any, spans: list[Any], sentence: list[str], threshold: float) -> float:
    """The sum of probability − threshold of spans, by the probabilities of all sequences of a sentence."""
    right = 0.0
    for score, tags in tagger.n_best([sentence], 1_000)[0]:
        right += np.exp(score) * len({*read_spans(tags, tagger.scheme_).spans} & {*spans})
    return right - threshold * len(spans)


@pytest.mark.parametrize("tagger", [CRFTagger(iterations=3, c2=5.0), BiLSTMTagger(**SMALL)], ids=lambda each: each.name)
def test_spans_have_the_highest_expected_worth(tagger: Any) -> None:
    viterbi = tagger.fit(*tagged_data.train())
    mbr = type(tagger)(**tagger.get_params(deep=False) | MBR | {"span_threshold": 0.3}).fit(*tagged_data.train())
    sentences = [words[:3] for words in tagged_data.test()][:25]
    differ = 0
    for words, one, other in zip(sentences, viterbi.predict(sentences), mbr.predict(sentences), strict=True):
        found = read_spans(other, mbr.scheme_)
        assert not found.repairs
        best, chosen = (
            expected_worth(viterbi, [*read_spans(tags, mbr.scheme_).spans], words, 0.3) for tags in (one, other)
        )
        assert chosen >= best - 1e-9
        differ += one != other
    assert differ  # there are sentences in which it matters
    assert viterbi.n_best(sentences[:2], 2) == mbr.n_best(sentences[:2], 2)
    assert [[span for span, _ in each] for each in mbr.predict_spans(sentences)] == [
        [*read_spans(tags, mbr.scheme_).spans] for tags in mbr.predict(sentences)
    ]


def test_plain_tags_are_the_most_probable_ones() -> None:
    sentences, tags = [["a", "b"], ["b", "a", "b"]], [["X", "Y"], ["Y", "X", "X"]]
    tagger = CRFTagger(decoding="mbr").fit(sentences, tags)
    for words, found in zip(sentences, tagger.predict(sentences), strict=True):
        assert found == [tagger.tags_[place] for place in tagger.predict_marginals([words])[0].argmax(axis=1)]


def test_is_saved_and_off_by_default(tmp_path: Any) -> None:
    tagger = CRFTagger(iterations=3, **MBR).fit(*tagged_data.train())
    tagger.save(tmp_path / "mbr")
    loaded = nlmkit.load(tmp_path / "mbr")
    assert loaded.decoding == "mbr"
    assert loaded.predict(tagged_data.test()) == tagger.predict(tagged_data.test())
    # Models saved before keep their digests.
    assert not {"decoding", "span_threshold"} & {*CRFTagger().saved_params()}


def test_a_threshold_without_effect_is_refused() -> None:
    with pytest.raises(HyperParameterError, match="decoding=mbr"):
        CRFTagger(span_threshold=0.3).fit([["a"]], [["X"]])


def test_tags_by_type() -> None:
    types, outside = span_tags(["B-X", "O", "S-Y", "E-X", "I-X"])
    assert [tuple(each) for each in types] == [(0, 4, 3, -1), (-1, -1, -1, 2)]
    assert outside == 1
    assert span_tags(["B", "E"]) == ([types[0]._replace(inside=-1, end=1)], None)
