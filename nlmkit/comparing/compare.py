"""Comparison of classifiers, regressors, taggers or sequence-to-sequence models: ``nlmkit.compare_predictions``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from nlmkit.comparing.report import ItemComparison, ranked
from nlmkit.comparing.scored import Figure, NotScored, ScoredItems
from nlmkit.core.component import Component
from nlmkit.core.kinds import kind_of
from nlmkit.core.progress import AUTO, Progress, watched
from nlmkit.core.run import RunOptions
from nlmkit.core.storage import load
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.compare import check_sampling, named_models

if TYPE_CHECKING:
    from types import ModuleType

Model: TypeAlias = Component | str | os.PathLike[str]
"""Fitted model, or the folder of a saved one."""

_MODULES: Final[Mapping[str, str]] = {
    "classifier": "nlmkit.comparing.labels",
    "regressor": "nlmkit.comparing.numbers",
    "tagger": "nlmkit.comparing.tags",
    "sequence-to-sequence": "nlmkit.comparing.translations",
}
"""Kinds that are compared by predictions, with the module of their figures."""

_ITEMS: Final[Mapping[str, str]] = {"tagger": "sentences", "sequence-to-sequence": "sources"}


def compare_predictions(
    models: Mapping[str, Model] | Sequence[Model],
    data: Any,
    *,
    by: str | None = None,
    samples: int = 1000,
    seed: int = 0,
    group_seeds: bool = False,
    progress: Progress | Literal["auto"] | None = AUTO,
) -> ItemComparison:
    """Rank classifiers, regressors, taggers or sequence-to-sequence models by their predictions on one test set.

    Each model is compared with the next one by a paired bootstrap (Koehn 2004), which gives the interval of the
    difference, and by approximate randomization (Noreen 1989; Yeh 2000), which gives its p-value.

    Args:
        models: Fitted models of one kind or folders of saved ones, or a mapping from names to them, as in
            ``nlmkit.compare``.
        data: Test data, as the models' ``score`` takes them in one object: labelled texts, or a pair of texts and
            labels; tagged sentences; sources with targets.
        by: The figure: of classifiers ``accuracy`` (the default) or ``macro-f1``; of regressors ``r2``, ``rmse`` or
            ``mae``; of taggers ``f1`` (of spans), ``accuracy``, ``precision`` or ``recall``, by default ``f1`` and for
            plain tags ``accuracy``; of sequence-to-sequence models ``bleu`` or ``chrf``, found with the default
            options of search.
        samples: Number of samples of the bootstrap and of the randomization; 0 for none.
        seed: Random seed.
        group_seeds: Whether to show mean and standard deviation over models that differ only in their seed.
        progress: As in ``RunOptions``.

    Raises:
        DataError: The test data are empty or unusable.
        HyperParameterError: No models are given, they differ in kind, their kind has no such figures, or an option is
            invalid.
        SavedModelError: A folder cannot be loaded.

    ::

        print(nlmkit.compare_predictions(["nbsvm", "cnn"], (texts, labels), by="macro-f1"))
    """
    check_sampling(samples, seed)
    named = named_models(models, Component, what="model")
    loaded = {name: model if isinstance(model, Component) else load(model) for name, model in named.items()}
    kind = kind_in_common({name: kind_of(type(model)).name for name, model in loaded.items()})
    chosen = figure_called(kind, by, loaded.values())
    with watched(RunOptions(progress=progress).progress) as shown:
        given = gathered(kind, next(iter(loaded.values())), data)
        scored = [score(name, model, given, chosen, shown) for name, model in loaded.items()]
        if shown is not None:
            shown.start("drawing samples")
        return ranked(
            scored, chosen, item=item_of(loaded.values()), samples=samples, seed=seed, group_seeds=group_seeds
        )


def kind_in_common(kinds: Mapping[str, str]) -> str:
    """Return the kind of all models.

    Args:
        kinds: Kind of each model, by its name.

    Raises:
        HyperParameterError: They differ in kind, or their kind has no figures of predictions.
    """
    first, kind = next(iter(kinds.items()))
    other = next((name for name, each in kinds.items() if each != kind), None)
    if other is not None:
        raise HyperParameterError(
            f"models of different kinds cannot be ranked: {first} is a {kind}, and {other} a {kinds[other]}"
        )
    if kind not in _MODULES:
        raise HyperParameterError(f"{first} is a {kind}: compare_predictions is for {', '.join(_MODULES)}")
    return kind


def figures_of(kind: str) -> tuple[Figure, ...]:
    """Return the figures that models of a kind can be ranked by, the default first."""
    found: tuple[Figure, ...] = _module(kind).FIGURES
    return found


def figure_called(kind: str, by: str | None, models: Any = ()) -> Figure:
    """Return the figure of a name, or the default of a kind.

    Args:
        kind: The kind of the models.
        by: The name; None for the default.
        models: The models, of which taggers with plain tags have another default.

    Raises:
        HyperParameterError: Models of the kind have no such figure.
    """
    known = {each.name: each for each in figures_of(kind)}
    if by is None:
        is_plain = kind == "tagger" and any(getattr(model, "scheme_", None) == "plain" for model in models)
        return known["accuracy"] if is_plain else next(iter(known.values()))
    if by not in known:
        raise HyperParameterError(f"a {kind} is ranked by {', '.join(known)}, not by {by!r}")
    return known[by]


def item_of(models: Any) -> str:
    """Return what one item of the test data of models is called, in the plural."""
    first = next(iter(models))
    takes_trees = getattr(first, "takes", None) == "trees"
    return "trees" if takes_trees else _ITEMS.get(kind_of(type(first)).name, "texts")


def gathered(kind: str, model: Any, data: Any) -> Any:
    """Return test data as one object that several models can read, however often."""
    if kind == "tagger":
        from nlmkit.taggers.inputs import tagged

        return tagged(data)
    if kind == "sequence-to-sequence":
        from nlmkit.seq2seq.inputs import paired

        return paired(model, data)
    texts, targets = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    return model.labelled(texts, targets) if kind == "classifier" else model.gather(texts, targets)


def score(name: str, model: Any, data: Any, by: Figure, progress: Progress | None = None) -> ScoredItems | NotScored:
    """Score test data with one model.

    Args:
        name: Name to show.
        model: The model.
        data: The test data.
        by: The figure that models are ranked by.
        progress: Progress display; gets a stage.
    """
    model.check_fitted()
    if progress is not None:
        progress.start(f"predicting with {name}")
    of_kind: Callable[..., ScoredItems | NotScored] = _module(kind_of(type(model)).name).score
    return of_kind(name, model, data, by.name)


def _module(kind: str) -> ModuleType:
    return import_module(_MODULES[kind])
