"""A language model in a module that imports NumPy, which slows listing down."""

from __future__ import annotations

import numpy as np

from toys.broken_language_models import Correct


class HeavyImport(Correct):
    """Is imported together with NumPy."""

    dtype_ = np.float64
