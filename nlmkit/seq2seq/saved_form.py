"""The part of a saved model that all sequence-to-sequence models share: the source side, and the fit report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.parts import subwords_as_array
from nlmkit.errors import DataError, SavedModelError
from nlmkit.saving import require, require_array
from nlmkit.saving.state import FittedState
from nlmkit.saving.timing import without_timing
from nlmkit.saving.vocabulary import decode_vocabulary, encode_vocabulary
from nlmkit.text import TextPipeline, Vocabulary
from nlmkit.text.segmenter import SegmenterTokenizer, component_in
from nlmkit.text.subwords import SubwordTokenizer, is_trained
from nlmkit.text.tokenizer_lookup import restored_parameter
from nlmkit.text.vocabulary import SPECIAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.seq2seq.fitted import FittedModel

WORDS: Final = "source.words"
COUNTS: Final = "source.counts"
SUBWORDS: Final = "source.tokenizer.json"

_LARGEST: Final = 1 << 31
_REMEDY: Final = "save the model again"


def fitted_state(model: FittedModel) -> FittedState:
    """Return the state that ``SequenceToSequence`` itself has fitted, besides what storage saves."""
    arrays: dict[str, NDArray[Any]] = {}
    metadata: dict[str, Any] = {
        "dimension": model.dimension_,
        "longest_target": model.longest_target_,
        "length_ratio": model.length_ratio_,
        "source_pipeline": None,
    }
    if model.source_pipeline_ is not None:
        metadata["source_pipeline"] = model.source_pipeline_.to_dict()
        tokenizer = model.source_pipeline_.tokenizer
        if is_trained(tokenizer) and tokenizer != model.pipeline_.tokenizer:
            arrays[SUBWORDS] = subwords_as_array(model.source_pipeline_)
        if not _is_joint(model):
            assert model.source_vocabulary_ is not None
            words = b"".join(encode_vocabulary(model.source_vocabulary_.words, Path(model.name)))
            arrays |= {WORDS: np.frombuffer(words, np.uint8), COUNTS: np.asarray(model.source_vocabulary_.counts)}
    return FittedState(arrays, {**metadata, "fit_report": without_timing(model.fit_report_)})


def restore(model: FittedModel, state: FittedState) -> None:
    """Set what ``fitted_state`` returned.

    Raises:
        SavedModelError: Something is missing or invalid.
    """
    values = state.metadata
    report = values.get("fit_report")
    require(isinstance(report, Mapping), f"fit_report is missing from its metadata; {_REMEDY}")
    dimension, pipeline, ratio = (values.get(name) for name in ("dimension", "source_pipeline", "length_ratio"))
    longest = values.get("longest_target")
    require(_is_size(longest), f"its longest target has {longest!r} tokens; {_REMEDY}")
    model.longest_target_ = values["longest_target"]
    if model.takes == "vectors":
        require(_is_size(dimension), f"its dimension is {dimension!r}; {_REMEDY}")
        of_texts = pipeline is not None or ratio is not None
        require(not of_texts, f"its sources are vectors, but it has facts on texts; {_REMEDY}")
        model.dimension_, model.length_ratio_ = values["dimension"], None
        model.source_pipeline_, model.source_vocabulary_ = None, None
    else:
        require(dimension is None, f"its sources are texts, but it has a dimension of vectors; {_REMEDY}")
        require(isinstance(pipeline, Mapping), f"a text pipeline of sources is missing; {_REMEDY}")
        is_ratio = isinstance(ratio, (int, float)) and not isinstance(ratio, bool) and 0 < ratio < _LARGEST
        require(is_ratio, f"its ratio of lengths is {ratio!r}; {_REMEDY}")
        model.dimension_, model.length_ratio_ = None, float(values["length_ratio"])
        model.source_pipeline_ = _source_pipeline(model, values["source_pipeline"], state)
        model.source_vocabulary_ = model.vocabulary_ if _is_joint(model) else _source_vocabulary(state)
    for name, side in (("target_tokenizer", model.pipeline_), ("source_tokenizer", model.source_pipeline_)):
        if name in vars(model) and side is not None:
            vars(model)[name] = restored_parameter(vars(model)[name], side)
    model.fit_report_ = dict(values["fit_report"])


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST


def _is_joint(model: FittedModel) -> bool:
    return bool(getattr(model, "joint", False))


def _source_vocabulary(state: FittedState) -> Vocabulary:
    data = require_array(state.arrays, WORDS, dtype="uint8", shape=(None,))
    words = decode_vocabulary(data.tobytes(), Path(WORDS))
    counts = require_array(state.arrays, COUNTS, dtype="int64", shape=(len(words),))
    require(tuple(words[: len(SPECIAL)]) == SPECIAL, f"the source vocabulary does not begin with {', '.join(SPECIAL)}")
    try:
        return Vocabulary(words[len(SPECIAL) :], counts)
    except DataError as error:
        raise SavedModelError(f"sources: {error}") from error


def _source_pipeline(model: Any, values: Mapping[str, Any], state: FittedState) -> TextPipeline:
    """Return the text pipeline of sources, with its trained tokenizer or segmenter where it has one."""
    pipeline = TextPipeline.from_dict(values)
    name = pipeline.tokenizer
    if name == model.pipeline_.tokenizer:  # one object, which may be large
        return pipeline.with_tokenizer(model.pipeline_.resolved_tokenizer)
    if is_trained(name):
        data = require_array(state.arrays, SUBWORDS, dtype="uint8", shape=(None,))
        return pipeline.with_tokenizer(SubwordTokenizer.restored(data.tobytes(), name))
    if component_in(name) is None:
        return pipeline
    segmenter = model.target_tokenizer if model.source_tokenizer is None else model.source_tokenizer
    if getattr(segmenter, "name", None) != component_in(name):
        raise SavedModelError(f"the segmenter {name} of sources is missing; {_REMEDY}")
    return pipeline.with_tokenizer(SegmenterTokenizer(segmenter, name))
