"""The part of a saved tagger that all taggers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nlmkit.saving import require, require_array
from nlmkit.saving.state import FittedState
from nlmkit.saving.timing import without_timing
from nlmkit.taggers.fitting import MOST_TAGS
from nlmkit.taggers.known_words import as_bytes, of_bytes
from nlmkit.text.tag_schemes import OUTSIDE, PLAIN, SCHEMES, inner_scheme, is_of

if TYPE_CHECKING:
    from nlmkit.taggers.fitted import FittedTagger

KNOWN_WORDS: Final = "known_words"

_REMEDY: Final = "save the model again"


def fitted_state(tagger: FittedTagger) -> FittedState:
    """Return the state that ``Tagger`` itself has fitted."""
    metadata = {
        "scheme": tagger.scheme_,
        "tags": list(tagger.tags_),
        "layout": tagger.layout_,
        "feature_names": list(tagger.feature_names_),
        "fit_report": without_timing(tagger.fit_report_),
    }
    return FittedState({KNOWN_WORDS: as_bytes(tagger.known_words_)}, metadata)


def restore(tagger: FittedTagger, state: FittedState) -> None:
    """Set what ``fitted_state`` returned.

    Raises:
        SavedModelError: Something is missing or invalid.
    """
    values = state.metadata
    require("pipeline_" in vars(tagger), f"a tagger without a text pipeline; {_REMEDY}")
    scheme = values.get("scheme")
    require(isinstance(scheme, str) and scheme in SCHEMES, f"its scheme is {scheme!r}, not a tag scheme; {_REMEDY}")
    for name, least in (("tags", 1), ("feature_names", 0)):
        require(
            _are_names(values.get(name)) and len(values[name]) >= least,
            f"its {name} are not a list of different strings; {_REMEDY}",
        )
    require(len(values["tags"]) <= MOST_TAGS, f"it has {len(values['tags'])} tags, more than {MOST_TAGS}; {_REMEDY}")
    require(_are_tags(values["tags"], inner_scheme(values["scheme"])), f"its tags do not suit its scheme; {_REMEDY}")
    layout, report = values.get("layout"), values.get("fit_report")
    require(layout is None or _is_layout(layout), f"its layout is not that of a tagged file; {_REMEDY}")
    require(isinstance(report, Mapping), f"fit_report is missing from its metadata; {_REMEDY}")
    known = require_array(state.arrays, KNOWN_WORDS, dtype="uint8", shape=(None,))
    tagger.known_words_ = of_bytes(known)
    tagger.scheme_ = values["scheme"]
    tagger.tags_ = tuple(values["tags"])
    tagger.feature_names_ = tuple(values["feature_names"])
    tagger.layout_ = None if layout is None else dict(layout)
    tagger.fit_report_ = dict(values["fit_report"])


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(each, str) and each for each in value)
        and len(set(value)) == len(value)
    )


def _is_layout(value: Any) -> bool:
    """Return whether a layout can be arguments of ``TaggedSentences.read``."""
    if not isinstance(value, Mapping) or not set(value) <= {"format", "word_column", "tag_column", "feature_columns"}:
        return False
    features = value.get("feature_columns", [])
    return (
        isinstance(value.get("format", ""), str)
        and _is_column(value.get("word_column", 0))
        and (value.get("tag_column") is None or _is_column(value["tag_column"]))
        and isinstance(features, list)
        and all(map(_is_column, features))
    )


def _is_column(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _are_tags(tags: list[str], inner: str) -> bool:
    """Return whether tags belong to an inner scheme, and every sentence has a legal sequence of them."""
    return inner == PLAIN or (
        all(is_of(tag, inner) for tag in tags) and any(tag == OUTSIDE or tag[0] == "S" for tag in tags)
    )
