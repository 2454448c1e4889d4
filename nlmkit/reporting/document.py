"""Reports: ``nlmkit.report`` and what it returns."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from nlmkit.core.component import Component
from nlmkit.core.kinds import KINDS, kind_of
from nlmkit.core.progress import AUTO, watched
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.core.progress import Progress
    from nlmkit.language_models.base import Context
    from nlmkit.reporting.sheets import Sheet

_MOST_MODELS: Final = 8
"""Number of models that colors and marks tell apart."""

_FRAME_HEIGHT: Final = 720


class HTMLReport:
    """HTML report of models: one page that needs no other file and no network.

    The page has a Content-Security-Policy that allows its own style and script alone. Notebooks show it in a frame.

    Args:
        html: The page.
        title: Its title.

    Attributes:
        html: The page.
        title: Its title.
    """

    def __init__(self, html: str, title: str) -> None:
        self.html, self.title = html, title

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which is replaced as a whole.

        Raises:
            DataError: It is a folder, or its folder is missing or not writable.
            OSError: The file cannot be written.
        """
        from nlmkit.plots.figure import check_folder
        from nlmkit.saving.written import written

        check_folder(path, what="page")
        with written(Path(path)) as stream:
            stream.write(self.html.encode("utf-8"))

    def __repr__(self) -> str:
        return f"<HTML report {self.title!r}, {len(self.html.encode('utf-8')):,} bytes: .save(path) writes it>"

    def _repr_html_(self) -> str:
        """Return a frame with the page, which a notebook shows; the frame's script cannot reach the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts" title="{html.escape(self.title)}" '
            f'width="100%" height="{_FRAME_HEIGHT}" style="border:0"></iframe>'
        )


def report(
    models: Mapping[str, Any] | Sequence[Any],
    text: Any = None,
    *,
    title: str | None = None,
    context: Context = "sentence",
    samples: int = 1000,
    seed: int = 0,
    progress: Progress | Literal["auto"] | None = AUTO,
) -> HTMLReport:
    """Make an HTML report of one model or several models of one kind.

    Language models: comparison with significance, learning curves, surprisal of words, perplexity by word frequency,
    position and sentence length, calibration, n-gram orders used, samples, parameters and options. Without a text, the
    sections that need one are left out. Other kinds have sections of their own: confusion, calibration and mistakes of
    classifiers, residuals of regressors, errors and transitions of taggers, attention of sequence-to-sequence models,
    neighbours and projections of representations. The same models, text, options and versions give the same page.

    Args:
        models: Fitted models or folders of saved ones, or a mapping from names to them, up to eight. By default, the
            name of a folder is its path and that of a model its component's name, numbered if repeated.
        text: Test text: for language models anything ``Corpus.read`` takes, or a ``Corpus``; each model reads it with
            its own pipeline. For others what their ``report`` takes, such as texts and labels as a pair; for
            representations word pairs or an ``AnalogySet``.
        title: Title of the page.
        context: Context of language models: ``sentence`` or ``stream``.
        samples: Number of samples of intervals and p-values; 0 for none.
        seed: Seed of samples, and of what is drawn from a large text.
        progress: As in ``RunOptions``.

    Raises:
        NlmkitError: Jinja2 is not installed.
        DataError: The text cannot be read or has no sentences.
        HyperParameterError: There are no models or more than eight, they are of several kinds or of a kind without a
            report, or another option is invalid.
        NotFittedError: A model is not fitted.
        SavedModelError: A folder does not contain a model.

    ::

        nlmkit.report({"5-gram": kn5, "LSTM": "models/lstm"}, "test.txt").save("report.html")
    """
    from nlmkit.core.storage import load
    from nlmkit.language_models.compare import check_sampling, named_models
    from nlmkit.reporting.page import check_page, page
    from nlmkit.reporting.study import Options, Subject

    check_page()
    check_sampling(samples, seed)
    if isinstance(models, (str, os.PathLike, Component)):
        models = [models]
    named: Mapping[str, Any] = named_models(models, Component, what="model")
    if not isinstance(models, Mapping):
        named = _short(named)
    if len(named) > _MOST_MODELS:
        raise HyperParameterError(f"a report shows up to {_MOST_MODELS} models, not {len(named)}")
    with watched(RunOptions(progress=progress).progress) as shown:
        loaded = {name: model if isinstance(model, Component) else load(model) for name, model in named.items()}
        sheet = _sheet(loaded)
        for model in loaded.values():
            model.check_fitted()
        subjects = tuple(
            Subject(name=name, model=model, color=color) for color, (name, model) in enumerate(loaded.items())
        )
        options = Options(seed=seed, samples=samples, context=context)
        study = sheet.study_class().of(subjects, text, options, shown)
        sections = []
        for entry in sheet.entries:
            if text is None and entry.needs_text:
                continue
            study.stage(f"section {entry.name}")
            section = entry.section(study)
            if section is not None:
                sections.append((entry.name, section))
        shown_title = title if title is not None else f"Report of {_listed(list(named))}"
        missing = [] if text is not None else [f"No text was given: sections that need {sheet.text} are left out."]
        return HTMLReport(page(shown_title, [*study.facts, *missing], sections), shown_title)


def _short(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the models with the last part of a folder's path as its name, where that tells them apart."""
    short = [_last(name) if isinstance(model, (str, os.PathLike)) else name for name, model in named.items()]
    return dict(zip(short if len(set(short)) == len(short) else named, named.values(), strict=True))


def _last(name: str) -> str:
    return Path(os.path.abspath(name)).name or name


def _sheet(models: Mapping[str, Component]) -> Sheet:
    """Return the sheet of the models' kind.

    Raises:
        HyperParameterError: They are of several kinds, or there is none.
    """
    from nlmkit.reporting.sheets import SHEETS, sheet_of

    kinds = {name: kind_of(type(model)) for name, model in models.items()}
    (first_name, first), *others = kinds.items()
    for name, kind in others:
        if kind is not first:
            raise HyperParameterError(
                f"{first_name} is a {first.in_words} and {name} a {kind.in_words}: make one report per kind"
            )
    sheet = sheet_of(first.name)
    if sheet is None:
        known = [kind.in_words for kind in KINDS if any(each.kind == kind.name for each in SHEETS)]
        raise HyperParameterError(f"{first_name} is a {first.in_words}: reports exist for a {', '.join(known)}")
    return sheet


def _listed(names: Sequence[str]) -> str:
    """Return the names in words, the first two of many."""
    shown = list(names) if len(names) <= 3 else [*names[:2], f"{len(names) - 2} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
