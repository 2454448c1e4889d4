"""Pooling of the outputs of a layer over time to one vector per row.

Sequences are batch-major [R, T, n] here, with zeros after the end of each row. The output for a row depends neither on
the amount of padding nor on the other rows.
"""

from __future__ import annotations

import torch
from torch import Tensor


def word_mask(lengths: Tensor, columns: int) -> Tensor:
    """Return the mask of words, False for padding: bool [R, T].

    Args:
        lengths: Number of words of each row: int64 [R].
        columns: T.
    """
    return torch.arange(columns, device=lengths.device) < lengths.unsqueeze(1)


def last_states(outputs: Tensor, lengths: Tensor, *, bidirectional: bool) -> Tensor:
    """Return the output of each direction at its last word: [R, h]; zeros for an empty row.

    Args:
        outputs: Outputs of an encoder, zero after the end of each row: [R, T, h].
        lengths: Number of words of each row: int64 [R].
        bidirectional: Whether the second half of h reads backward, and so ends at the first word.
    """
    index = (lengths - 1).clamp_min(0).view(-1, 1, 1).expand(-1, 1, outputs.shape[2])
    last = outputs.gather(1, index).squeeze(1)
    if not bidirectional:
        return last
    half = outputs.shape[2] // 2
    return torch.cat([last[:, :half], outputs[:, 0, half:]], dim=1)


def mean_over_time(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean over the words of each row [R, h]; zeros for an empty row. Arguments as in ``last_states``."""
    return outputs.sum(dim=1) / lengths.clamp_min(1).unsqueeze(1)


def max_over_time(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Return the maximum over the words of each row [R, h]; zeros for an empty row. Arguments as in ``last_states``."""
    is_word = word_mask(lengths, outputs.shape[1]).unsqueeze(2)
    best = outputs.masked_fill(~is_word, -torch.inf).amax(dim=1)
    return best.masked_fill((lengths == 0).unsqueeze(1), 0.0)
