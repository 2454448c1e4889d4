"""Comparison of language models on a text: ``nlmkit.compare`` and its command."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.component import Component
from nlmkit.core.progress import AUTO, Progress, watched
from nlmkit.core.run import RunOptions
from nlmkit.core.storage import load
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.language_models.comparison import Comparison, Refused, Scored, score
from nlmkit.language_models.comparison import compare as rank
from nlmkit.language_models.measures import By, Unit, measure
from nlmkit.language_models.unknown_words import note_cheap_unknown
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.sources import STDIN
from nlmkit.text.tokenizers import SPACE_SYMBOL

Model = LanguageModel | str | os.PathLike[str]
"""Fitted language model, or the folder of a saved one."""

_Given = TypeVar("_Given", bound=Component | str | os.PathLike[str])


def compare(
    models: Mapping[str, Model] | Sequence[Model],
    text: Any,
    *,
    context: Context | Sequence[Context] = "sentence",
    by: By = "perplexity",
    samples: int = 1000,
    seed: int = 0,
    group_seeds: bool = False,
    progress: Progress | Literal["auto"] | None = AUTO,
) -> Comparison:
    """Rank language models by their perplexity on one text, or by bits per character or byte.

    The largest set of models that predict the same events over the same vocabulary is ranked; the others are listed
    with the reason. By bits per character or byte, models of words, subwords and characters are ranked in one table.
    ``print`` shows the result like ``nlmkit compare``; ``to_dict`` returns its JSON.

    Args:
        models: Fitted language models or folders of saved ones, or a mapping from names to them. By default, the name
            of a folder is its path and that of a model its component's name, numbered if repeated.
        text: Anything ``Corpus.read`` takes, or a ``Corpus``; each model reads it with its own pipeline.
        context: ``sentence`` or ``stream``, for all models or one per model.
        by: ``perplexity``, ``bits-per-character`` or ``bits-per-byte`` (of UTF-8).
        samples: Number of samples of the bootstrap and of the randomization; 0 for none.
        seed: Random seed.
        group_seeds: Whether to show mean and standard deviation over models that differ only in their seed.
        progress: As in ``RunOptions``.

    Raises:
        DataError: The text has no sentences, cannot be read, or cannot be read a second time.
        HyperParameterError: There are no models, an entry is not a language model, the number of contexts differs, or
            another option is invalid.
        SavedModelError: A folder does not contain a language model.

    ::

        print(nlmkit.compare({"5-gram": kn5, "LSTM": "models/lstm"}, "test.txt"))
    """
    rule = measure(by)
    named = named_models(models, LanguageModel)
    contexts = [context] * len(named) if isinstance(context, str) or context is None else list(context)
    for each in contexts:
        check_context(each)
    check_sampling(samples, seed)
    if len(contexts) != len(named):
        raise HyperParameterError(f"{len(contexts)} contexts for {len(named)} models: expected one, or one per model")
    with watched(RunOptions(progress=progress).progress) as shown:
        reader = TextReader(text, Corpus.read, unit=rule.unit)
        scored = [
            scored_by(name, _loaded(model), each, reader, shown)
            for (name, model), each in zip(named.items(), contexts, strict=True)
        ]
        if shown is not None:
            shown.start("drawing samples")
        return rank(scored, by=by, samples=samples, seed=seed, group_seeds=group_seeds)


class TextReader:
    """Text as read by each model; models with the same pipeline share a corpus.

    Args:
        text: The text; a Corpus is used unchanged.
        read: Function that reads the text with a pipeline.
        decoded: Function that sets the decoding of this text in a model's pipeline.
        unit: What is counted of each line, too.
    """

    def __init__(
        self,
        text: Any,
        read: Callable[[Any, TextPipeline], Corpus],
        decoded: Callable[[TextPipeline], TextPipeline] = lambda pipeline: pipeline,
        *,
        unit: Unit | None = None,
    ) -> None:
        self._text, self._source, self._decoded, self._unit = text, read, decoded, unit
        self._read: dict[TextPipeline, Corpus] = {}

    def read(self, model: LanguageModel) -> Corpus:
        """Return the text for a model.

        Raises:
            DataError: The text can be read only once, but is needed a second time.
        """
        return self._text if isinstance(self._text, Corpus) else self._through(self._decoded(model.pipeline_))

    def line_lengths(self, model: LanguageModel) -> NDArray[np.int64] | None:
        """Return the characters or bytes of each line of the text, its line feed included: int64 [lines].

        Returns:
            None if they are not wanted, or not known: of token lists, and of a text that can be read only once.
        """
        if self._unit is None or isinstance(self._text, Corpus) or _only_once(self._text):
            return None
        characters = TextPipeline(tokenizer="char").with_decoding(self._decoded(model.pipeline_).decoding)
        corpus = self._through(characters)
        if corpus.pipeline is None:
            return None
        if self._unit == "characters":
            return np.diff(corpus.event_offsets)
        # The tokenizer shows a space as a character of three bytes.
        sizes = [1 if each == SPACE_SYMBOL else len(each.encode()) for each in corpus.types]
        sums = np.concatenate([[0], np.cumsum(np.array(sizes, np.int64)[corpus.ids])])
        return np.diff(sums[corpus.offsets]) + 1

    def _through(self, pipeline: TextPipeline) -> Corpus:
        if pipeline not in self._read:
            if self._read and _only_once(self._text):
                what = "standard input" if _is_stdin(self._text) else "an iterator"
                remedy = "save it to a file" if _is_stdin(self._text) else "pass a list"
                raise DataError(f"the models read text differently, and {what} can be read only once: {remedy}")
            self._read[pipeline] = self._source(self._text, pipeline)
        return self._read[pipeline]


def scored_by(
    name: str, model: LanguageModel, context: Context, text: TextReader, progress: Progress | None
) -> Scored | Refused:
    """Score the text with one model.

    Args:
        name: Name to show.
        model: The model.
        context: ``sentence`` or ``stream``.
        text: The text.
        progress: Progress display; gets a stage.
    """
    model.check_fitted()
    corpus = text.read(model)
    if progress is not None:
        progress.start(f"scoring with {name}")
    scored = score(name, model, corpus, context=context, line_lengths=text.line_lengths(model))
    if isinstance(scored, Scored):
        note_cheap_unknown(model, scored.report.oov, corpus.tokens, name=name)
    return scored


def check_sampling(samples: object, seed: object) -> None:
    """Raise for a number of samples, or a seed, that is not a whole number of at least 0.

    Raises:
        HyperParameterError: One is not.
    """
    for option, value in (("samples", samples), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise HyperParameterError(f"{option} must be a whole number of at least 0, not {value!r}")


def named_models(
    models: Mapping[str, _Given] | Sequence[_Given], *kinds: type[Component], what: str = "language model"
) -> dict[str, _Given]:
    """Return the models by name: the one given, the path of a folder, or that of the component, numbered if repeated.

    Args:
        models: Models or folders, or a mapping from names to them.
        kinds: Base classes of the models.
        what: What a model must be, in words.

    Raises:
        HyperParameterError: There are none, or an entry is neither such a model nor a path.
    """
    if isinstance(models, (str, os.PathLike, Component)) or not isinstance(models, Iterable):
        raise HyperParameterError("models must be a list of models or a mapping from names to models")
    named: dict[str, _Given] = {}
    if isinstance(models, Mapping):
        for name, model in models.items():
            _check_model(model, repr(name), kinds, what)
        named = {str(name): model for name, model in models.items()}
    else:
        for number, model in enumerate(models, start=1):
            _check_model(model, str(number), kinds, what)
            name = model.name if isinstance(model, Component) else os.fspath(cast(str, model))
            free = next(candidate for candidate in _numbered(name) if candidate not in named)
            named[free] = model
    if not named:
        raise HyperParameterError("no models to compare")
    return named


def _check_model(model: object, place: str, kinds: tuple[type[Component], ...], what: str) -> None:
    if not isinstance(model, (*kinds, str, os.PathLike)):
        found = f"a {model.kind}" if isinstance(model, Component) else type(model).__name__
        raise HyperParameterError(f"model {place} is {found}: expected a {what} or the folder of a saved one")


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name} ({number})"
        number += 1


def _loaded(model: Model) -> LanguageModel:
    return model if isinstance(model, LanguageModel) else load(model, LanguageModel)


def _is_stdin(text: Any) -> bool:
    return text == STDIN or (isinstance(text, (list, tuple)) and STDIN in text)


def _only_once(text: Any) -> bool:
    return _is_stdin(text) or hasattr(text, "__next__")
