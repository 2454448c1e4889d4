"""Stored subword models: the same bytes again, and every contradiction found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.errors import SavedModelError
from nlmkit.text import Tokenization
from nlmkit.text.subword_models import SubwordModel, restored_model
from nlmkit.text.subwords import SubwordTokenizer

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")

LINES = ["the cat sat on the mat", "that cat, the other cat"] * 3


def model_of(kind: str) -> SubwordModel:
    tokenizer = Tokenization(f"{kind}:300").trained(LINES).resolved_tokenizer
    assert isinstance(tokenizer, SubwordTokenizer)
    return tokenizer.model


MODELS = {kind: model_of(kind) for kind in ("bpe", "unigram")}


def dumped(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_comes_back_and_the_library_reads_it(kind: str) -> None:
    import tokenizers

    model = MODELS[kind]
    again = restored_model(model.json.encode(), model.name)
    assert again == model
    assert again.json == model.json
    read = tokenizers.Tokenizer.from_str(model.json)
    assert read.get_vocab_size() == len(model.tokens) + model.first_id
    assert read.encode(" the").tokens == [" the"]


Change = Callable[[dict[str, Any]], Any]


def change(place: str, value: Any) -> Change:
    def changed(values: dict[str, Any]) -> None:
        *path, last = place.split(".")
        inside: Any = values
        for step in path:
            inside = inside[int(step) if isinstance(inside, list) else step]
        inside[int(last) if isinstance(inside, list) else last] = value

    return changed


def renamed(old: str, new: str) -> Change:
    def changed(values: dict[str, Any]) -> None:
        vocab = values["model"]["vocab"]
        values["model"]["vocab"] = {new if token == old else token: id_ for token, id_ in vocab.items()}

    return changed


@pytest.mark.parametrize(
    ("kind", "damage", "problem"),
    [
        ("bpe", change("model", None), "has no model"),
        ("bpe", change("model.vocab", []), "ids of its vocabulary are not"),
        ("bpe", change("model.vocab.t", 7), "ids of its vocabulary are not"),
        ("bpe", renamed("<0x00>", "<0x0A>"), "does not begin with the bytes"),
        ("bpe", change("model.merges.0", ["t"]), "merges are not pairs"),
        ("bpe", change("model.merges.0", ["q", "t"]), "merges join 'q' and 't', which are not"),
        ("bpe", change("model.merges.0", ["t", "t"]), "merges (join|do not give)"),
        ("bpe", renamed("t", "\u2581"), "cannot be a subword"),
        ("bpe", renamed("t", "\u3000"), "cannot be a subword"),
        ("bpe", renamed("t", "<s>"), "cannot be a subword"),
        ("bpe", renamed("t", ""), "is not a subword"),
        ("bpe", renamed("t", "\ud800"), "surrogates not allowed"),
        ("bpe", change("model.byte_fallback", False), "not what nlmkit writes"),
        ("bpe", change("model.dropout", 0.5), "not what nlmkit writes"),
        ("bpe", change("normalizer", {"type": "Lowercase"}), "not what nlmkit writes"),
        ("bpe", change("more", 1), "not what nlmkit writes"),
        ("unigram", change("model.vocab", {}), "not a list of subwords with a score each"),
        ("unigram", change("model.vocab.280", ["x"]), "not a list of subwords with a score each"),
        ("unigram", change("model.vocab.290.1", "high"), "not a finite number"),
        ("unigram", change("model.vocab.290.1", 3), "not a finite number"),
        ("unigram", change("model.vocab.290.0", 3), "is not a subword"),
        ("unigram", change("model.vocab.290.0", " the cat\n"), "cannot be a subword"),
        ("unigram", change("model.vocab.290.0", " the"), "contains a subword twice"),
        ("unigram", change("model.vocab.290.0", "qqq"), "a character of a subword is not in its vocabulary"),
        ("unigram", change("model.unk_id", 1), "not what nlmkit writes"),
        ("unigram", change("model.type", "WordPiece"), "not what nlmkit writes"),
    ],
)
def test_contradictions_are_found(kind: str, damage: Change, problem: str) -> None:
    model = MODELS[kind]
    values = json.loads(model.json)
    damage(values)
    data = json.dumps(values, separators=(",", ":")) if "surrogates" in problem else dumped(values).decode()
    with pytest.raises(SavedModelError, match=f"the tokenizer {kind}.* is damaged: .*{problem}"):
        restored_model(data.encode(), model.name)


def test_the_name_is_that_of_the_contents() -> None:
    with pytest.raises(SavedModelError, match="its JSON is that of unigram"):
        restored_model(MODELS["unigram"].json.encode(), MODELS["bpe"].name)


@settings(max_examples=60)
@given(st.data())
def test_no_damage_passes_or_raises_anything_else(data: st.DataObject) -> None:
    model = MODELS[data.draw(st.sampled_from(sorted(MODELS)))]
    good = model.json.encode()
    place = data.draw(st.integers(0, len(good) - 1))
    length = data.draw(st.sampled_from([0, 1, 1, 5, len(good)]))
    damaged = good[:place] + data.draw(st.binary(max_size=4)) + good[place + length :]
    if damaged != good:
        with pytest.raises(SavedModelError):
            restored_model(damaged, model.name)


def test_deep_and_huge_json(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SavedModelError, match="cannot be read"):
        restored_model(b"[" * 100_000, "bpe(9 0)")
    monkeypatch.setattr("nlmkit.text.subword_models._LIMIT", 10)
    with pytest.raises(SavedModelError, match="larger than"):
        restored_model(MODELS["bpe"].json.encode(), MODELS["bpe"].name)
