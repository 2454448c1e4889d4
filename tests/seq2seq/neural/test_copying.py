"""Attention learns to copy and to reverse; the parts of a network learn what they are for."""

from __future__ import annotations

import random
import string

import pytest

from nlmkit.core.run import RunOptions
from nlmkit.seq2seq.neural.encoder_decoder import EncoderDecoder

pytestmark = pytest.mark.slow


def strings(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(string.ascii_lowercase[:12], k=draw.randint(4, 8))) for _ in range(count)]


def share(task: str, **options: object) -> float:
    """The share of unseen strings that are copied or reversed without a mistake."""
    step = -1 if task == "reverse" else 1
    sources, test = strings(1200, 1), strings(60, 2)
    model = EncoderDecoder(
        target_tokenizer="space",
        joint=True,
        embedding=64,
        hidden=64,
        encoder_hidden=32,
        dropout_input=0.0,
        dropout_output=0.0,
        dropout_source=0.0,
        label_smoothing=0.0,
        averaging="none",
        batch=300,
        lr=0.02,
        epochs=9,
        **options,  # type: ignore[arg-type]
    ).fit(sources, [text[::step] for text in sources], run=RunOptions(progress=None, device="cpu"))
    found = model.predict(test, beam=1)
    return sum(one == text[::step] for one, text in zip(found, test, strict=True)) / len(test)


@pytest.mark.parametrize("task", ["copy", "reverse"])
def test_attention_learns_it(task: str) -> None:
    assert share(task) >= 0.9


def test_without_attention_it_is_not_learned() -> None:
    assert share("reverse", attention_type="none") < 0.5
