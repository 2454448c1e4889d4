"""Recurrent layers of both directions against torch's packed sequences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlmkit.layers.recurrent_encoder import RecurrentEncoder


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_outputs_equal_torchs_packed_sequences(kind: str) -> None:
    source = torch.Generator().manual_seed(2)
    encoder = RecurrentEncoder(kind, [3, 4, 5], source, bidirectional=True)
    reference = getattr(torch.nn, kind.upper())(3, 4, bidirectional=True)
    second = getattr(torch.nn, kind.upper())(8, 5, bidirectional=True)
    with torch.no_grad():
        for number, layer in enumerate((reference, second)):
            for suffix, own in (("", encoder.layers[number]), ("_reverse", encoder.backwards[number])):
                getattr(layer, f"weight_ih_l0{suffix}").copy_(own.weight_input)
                getattr(layer, f"weight_hh_l0{suffix}").copy_(own.weight_recurrent)
                getattr(layer, f"bias_ih_l0{suffix}").copy_(own.bias)
                getattr(layer, f"bias_hh_l0{suffix}").zero_()
    lengths = torch.tensor([5, 2, 1, 4])
    vectors = torch.randn(4, 5, 3, generator=source) * (torch.arange(5) < lengths[:, None]).unsqueeze(2)
    packed = torch.nn.utils.rnn.pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(second(reference(packed)[0])[0], batch_first=True)
    found = encoder.eval()(vectors, lengths, source)
    np.testing.assert_allclose(found.detach(), expected.detach(), atol=1e-6)
