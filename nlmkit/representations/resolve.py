"""From a hyper-parameter that takes a representation to a fitted representation: one rule for all neural models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.representations.base import Representation
from nlmkit.training.divergence import during

if TYPE_CHECKING:
    from nlmkit.text import Corpus


def fitted_representation(
    given: str | Representation, corpus: Corpus, run: RunOptions, *, name: str = "representation"
) -> Representation:
    """Return the representation itself, the one in a folder, or a copy fitted to the training text.

    Args:
        given: A fitted representation, its folder, or an unfitted one, which is left as it is.
        corpus: The training text.
        run: Who watches the fit.
        name: Of the hyper-parameter, for errors.

    Raises:
        HyperParameterError: it is not a representation, or it is not fitted and does not learn from text.
        SavedModelError: the folder cannot be loaded.
    """
    found = loaded_representation(given, name) if isinstance(given, str) else given
    if found.is_fitted:
        return found
    if found.learns_from != "text":
        raise HyperParameterError(f"{name}: this {found.name} is not fitted and does not learn from text: fit it first")
    run.stage(f"fitting {found.name}")
    with during(f"fitting {found.name} on the training text"):
        copy = type(found)(**found.get_params(deep=False))
        return copy.fit(corpus, run=RunOptions(progress=run.progress))


def loaded_representation(folder: str, name: str) -> Representation:
    """Return the representation that a hyper-parameter names by its folder.

    Raises:
        HyperParameterError: another kind of model is there.
        SavedModelError: nothing that can be loaded is there.
    """
    from nlmkit.core.storage import load

    found = load(folder)
    if not isinstance(found, Representation):
        raise HyperParameterError(f"{name}={folder} is a {found.kind} ({found.name}); expected a representation")
    return found
