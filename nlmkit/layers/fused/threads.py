"""Loops of machine code over parts of a range, one thread of torch's number each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch


def in_parts(function: Callable[[int, int], None], size: int) -> None:
    """Call ``function(begin, end)`` on equal parts of ``range(size)``, one per thread; it must release Python's lock.

    The bounds depend only on the size and ``torch.get_num_threads()``.
    """
    parts = min(torch.get_num_threads(), size)
    bounds = [size * part // max(parts, 1) for part in range(parts + 1)]
    others = [_pool(parts).submit(function, *bounds[part : part + 2]) for part in range(1, parts)]
    if parts:
        function(*bounds[:2])
    for other in others:
        other.result()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="nlmkit-layers")
