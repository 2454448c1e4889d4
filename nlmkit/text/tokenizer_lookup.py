"""Lookup of tokenizers that are not built in, by name, through the registry and through saved models.

Nothing in this package imports the registry. Whoever imports both, which is the top of nlmkit, says once how a name is
looked up.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import SavedModelError, UnknownComponentError
from nlmkit.text.segmenter import PREFIX, Segmenter, SegmenterTokenizer, component_in
from nlmkit.text.subwords import JsonTokenizer, SubwordTokenizer, TrainedName, UsesTokenizer, is_trained

if TYPE_CHECKING:
    from nlmkit.text.tokenizers import Tokenizer

SavedTokenizer: TypeAlias = SegmenterTokenizer | SubwordTokenizer
"""A tokenizer that is saved with each model that uses it."""

_lookups: list[Callable[[str], Tokenizer]] = []
_folders_refused: contextvars.ContextVar[bool] = contextvars.ContextVar("nlmkit-no-tokenizer-folders", default=False)


def look_up_with(lookup: Callable[[str], Tokenizer]) -> None:
    """Set the lookup function of ``tokenizer_called``, replacing the previous one."""
    _lookups[:] = [lookup]


@contextlib.contextmanager
def without_folders() -> Iterator[None]:
    """Refuse ``model:FOLDER`` during the body, which reads a saved model: nothing that a file names is loaded."""
    mark = _folders_refused.set(True)
    try:
        yield
    finally:
        _folders_refused.reset(mark)


def tokenizer_called(name: str) -> Tokenizer:
    """Return the tokenizer of a plugin, or that of the model in a folder (``model:FOLDER``).

    Raises:
        UnknownComponentError: No tokenizer has the name.
        PluginError: A plugin has it, and cannot be loaded.
        HyperParameterError: The folder contains a model that is not a segmenter and has no trained tokenizer.
        SavedModelError: The folder cannot be loaded.
    """
    if name.startswith(PREFIX) and _folders_refused.get():
        raise SavedModelError(f"the tokenizer {name} is a folder, but a saved model contains its tokenizer: damaged")
    if component_in(name) is not None or is_trained(name):
        what = "trained on a text" if is_trained(name) else "a segmenter"
        raise UnknownComponentError(
            f"the tokenizer {name} is {what}, and its name alone does not lead to it: use the tokenization of the "
            "model that contains it, or model:FOLDER"
        )
    kind, colon, size = name.partition(":")
    if colon and size.isdecimal():
        raise UnknownComponentError(
            f"no tokenizer named {name!r}: those with a number of tokens are bpe:SIZE and unigram:SIZE"
            + suggestion(kind.lower(), ("bpe", "unigram"))
        )
    if not _lookups:
        raise UnknownComponentError(f"no tokenizer named {name!r}: only the built-in ones are known here")
    return _lookups[-1](name)


def saved_tokenizer_given(given: object) -> SavedTokenizer | None:
    """Return the tokenizer of a segmenter, a trained one or one of a JSON file, given itself or by a path; or None.

    Raises:
        HyperParameterError: It is not fitted, or another kind of model.
        SavedModelError: The folder cannot be loaded.
    """
    if isinstance(given, TrainedName):
        return given.tokenizer
    if isinstance(given, str) and given.startswith(PREFIX):
        return cast(SavedTokenizer, tokenizer_called(given))
    if isinstance(given, SavedTokenizer):
        return given
    is_component = hasattr(given, "hyper_parameters") and not isinstance(given, type)
    if is_component:
        return SegmenterTokenizer(cast(Segmenter, given))
    # A saved model contains its tokenizer: nothing that a file names is read.
    return None if isinstance(given, str) and _folders_refused.get() else JsonTokenizer.given(given)


def tokenizer_as_parameter(given: Any) -> Any:
    """Return a tokenizer as a component keeps it: a segmenter as a component inside it, any other by its name.

    Raises:
        HyperParameterError: It is not fitted, or another kind of model.
        SavedModelError: The folder cannot be loaded.
    """
    saved = saved_tokenizer_given(given)
    if saved is None:
        return given
    return saved.model if isinstance(saved, SegmenterTokenizer) else TrainedName(saved)


def restored_parameter(value: Any, pipeline: UsesTokenizer) -> Any:
    """Return the value of a hyper-parameter of a saved model, with the trained tokenizer that it names, if it does.

    Args:
        value: The value; a name alone leads to no trained tokenizer.
        pipeline: The text pipeline that contains the tokenizer.
    """
    if is_trained(value) and value == pipeline.tokenizer:
        return tokenizer_as_parameter(pipeline.resolved_tokenizer)
    return value
