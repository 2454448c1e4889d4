"""Encoders of characters: against torch's own layers, and independent of padding."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from nlmkit.layers.characters import CharacterCNN, CharacterEncoder, CharacterLSTM


def words() -> tuple[torch.Tensor, torch.Tensor]:
    """Three words of 4, 1 and 2 characters."""
    return torch.tensor([[2, 3, 4, 5], [3, 0, 0, 0], [5, 5, 0, 0]]), torch.tensor([4, 1, 2])


@pytest.mark.parametrize("widths", [(3,), (2, 4)])
def test_the_cnn_equals_a_convolution_and_its_gradients(widths: tuple[int, ...]) -> None:
    source = torch.Generator().manual_seed(1)
    encoder = CharacterCNN(6, 5, widths, 7, source)
    rows, lengths = words()
    vectors = functional.embedding(rows, encoder.vectors, 0).transpose(1, 2)
    parts = []
    for weight, bias in zip(encoder.filters, encoder.biases, strict=True):
        torch.nn.init.normal_(bias, generator=source)
        padded = functional.pad(vectors, (max(widths) - 1, max(widths) - 1))
        parts.append(functional.relu(functional.conv1d(padded, weight).amax(2).clamp_min(0) + bias))
    expected = torch.cat(parts, dim=1)
    found = encoder(rows, lengths, source)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, generator=source)
    for one, two in zip(
        *(torch.autograd.grad((each * weights).sum(), [*encoder.parameters()]) for each in (found, expected)),
        strict=True,
    ):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_a_word_alone_and_among_others_is_the_same(kind: str) -> None:
    source = torch.Generator().manual_seed(2)
    encoder: CharacterEncoder = CharacterLSTM(6, 4, 4, source)
    if kind == "cnn":
        encoder = CharacterCNN(6, 4, (3,), 8, source)
    rows, lengths = words()
    together = encoder(rows, lengths, source)
    assert together.shape == (3, 8)
    alone = torch.cat(
        [encoder(row[None, :length], length[None], source) for row, length in zip(rows, lengths, strict=True)]
    )
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_the_lstm_reads_both_ends() -> None:
    """The first half of an encoding ends at the last character, the second half at the first."""
    source = torch.Generator().manual_seed(3)
    encoder = CharacterLSTM(6, 4, 3, source)
    one, two = (encoder(torch.tensor([row]), torch.tensor([3]), source)[0] for row in ([2, 3, 4], [2, 3, 5]))
    assert not torch.equal(one[:3], two[:3])
    assert not torch.equal(one[3:], two[3:])
