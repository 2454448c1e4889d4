"""Decomposition of a component into saved parts, its digest, and ``save``.

Components inside a component are saved with it: the manifest describes them under ``members``, by place, and the
payload of arrays contains their arrays as ``members/PLACE/NAME``. So replacing one manifest replaces all of them, and
one hash covers them. The segmenter of a text pipeline is such a component, and a trained subword tokenizer is the
array ``tokenizer.json``; a member that reads text with that of its owner has no copy of its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlmkit.contract import API_VERSION, MAX_NESTING
from nlmkit.core import registry
from nlmkit.core.entries import Entry
from nlmkit.core.memory import out_of_memory
from nlmkit.core.version import installed_version
from nlmkit.errors import SavedModelError, UnknownComponentError
from nlmkit.saving import arrays_sha256, save_folder, vocabulary_sha256
from nlmkit.saving.state import FittedState, Savable
from nlmkit.text.segmenter import SegmenterTokenizer, component_in
from nlmkit.text.subwords import SubwordTokenizer, is_trained

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLACE: Final = re.compile(r"[^\W\d]\w*(?:\.\d+)*", re.ASCII)
"""Pattern of a member's place: a name, then one index per nested list."""

COUNTS: Final = "vocabulary.counts"
WORDS: Final = "vocabulary.words"
SUBWORDS: Final = "tokenizer.json"
"""Name of the array that contains the trained subword tokenizer of the text pipeline: its JSON, uint8 [bytes]."""
RESERVED: Final = (COUNTS, WORDS, SUBWORDS)
"""Names of the arrays that contain the vocabulary and the tokenizer."""

MEMBERS: Final = "members/"
"""Prefix of the names of members' arrays."""

OWN: Final = "own"
OWNERS: Final = "owner's"
"""Source of the words of a member's vocabulary: its own arrays, or its owner, whose tokenizer it may share, too."""

SEGMENTER: Final = "tokenizer_"
"""Place of the segmenter of a text pipeline, where it is not among the hyper-parameters."""

IDENTITY: Final = ("component", "hyper_parameters", "metadata", "pipeline")
"""Fields of the manifest that identify a component, besides its arrays and words."""


def save(component: Savable, path: str | os.PathLike[str]) -> None:
    """Save a fitted component to the folder ``path``, atomically replacing an existing model.

    Raises:
        NotFittedError: The component is not fitted.
        PluginError: The class of the component is not registered, so it could not be loaded.
        SavedModelError: The folder cannot be written or contains something else, or the fitted state cannot be stored.
    """
    component.check_fitted()
    with out_of_memory(f"{os.fspath(path)}: saving the model"), registry.scanned_once():
        _save(component, path)


def _save(component: Savable, path: str | os.PathLike[str]) -> None:
    parts = _take_apart(component)
    records, entries = _record(parts)
    manifest = {
        **{name: value for name, value in records.items() if name not in ("fitted", "vocabulary")},
        "libraries": _libraries(entries),
        "created_by": f"nlmkit {installed_version('nlmkit')}",
    }
    hashes = save_folder(path, manifest, arrays=parts.all_arrays(), vocabulary=parts.words)
    component.remember_digest(digest_of(parts.identity(), arrays=hashes["arrays"], vocabulary=hashes.get("vocabulary")))


def digest(component: Savable) -> str:
    """Return sixteen hex digits that identify a fitted component, equal before saving and after loading.

    They cover its name, hyper-parameters, text pipeline, vocabulary and fitted state, but not library versions.

    Raises:
        NotFittedError: the component is not fitted.
        SavedModelError: the fitted state could not be saved.
    """
    component.check_fitted()
    known = component.known_digest
    if known is None:
        parts = _take_apart(component)
        known = digest_of(
            parts.identity(),
            arrays=arrays_sha256(parts.all_arrays()),
            vocabulary=None if parts.words is None else vocabulary_sha256(parts.words),
        )
        component.remember_digest(known)
    return known


def stored_bytes(component: Savable) -> int:
    """Return the bytes of a fitted component's arrays and words, those of its members included, as they are saved."""
    from nlmkit.saving.vocabulary import encode_vocabulary

    parts = _take_apart(component)
    words = 0 if parts.words is None else sum(map(len, encode_vocabulary(parts.words, Path(component.name))))
    return words + sum(array.nbytes for array in parts.all_arrays().values())


def put(values: dict[str, Any], place: str, value: Any) -> None:
    """Set the value at ``place`` of JSON-ready hyper-parameters.

    Raises:
        LookupError: The place does not exist.
    """
    name, *indices = place.split(".")
    inside: Any = values
    step: Any = name
    try:
        for index in indices:
            inside, step = inside[step], int(index)
            if not isinstance(inside, list):
                raise LookupError
        _ = inside[step]
    except LookupError:
        raise LookupError(place) from None
    inside[step] = value


# ---------------------------------------------------------------------------------------------- from component


@dataclasses.dataclass(frozen=True)
class _Parts:
    """Saved parts of a component; for an unfitted one its hyper-parameters and members."""

    component: Savable
    hyper_parameters: Mapping[str, Any]
    metadata: Mapping[str, Any]
    pipeline: Mapping[str, Any] | None
    words: Sequence[str] | None
    vocabulary: str | None  # of a member: OWN when its words are among its arrays, OWNERS when they are the owner's
    arrays: Mapping[str, NDArray[Any]]
    members: Mapping[str, _Parts]
    segmenter: str | None  # place of the text pipeline's segmenter; OWNERS when it is the owner's

    def identity(self, *, member: bool = False) -> dict[str, Any]:
        """Return the identity of the component besides arrays and words."""
        values: dict[str, Any] = {
            "component": self.component.name,
            "hyper_parameters": self.hyper_parameters,
            "metadata": self.metadata,
            "pipeline": self.pipeline,
        }
        if member:
            values |= {"fitted": self.component.is_fitted, "vocabulary": self.vocabulary}
        if self.members:
            values["members"] = {place: parts.identity(member=True) for place, parts in self.members.items()}
        return values

    def all_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays, and those of the members under their places."""
        arrays = dict(self.arrays)
        for place, parts in self.members.items():
            arrays |= {f"{MEMBERS}{place}/{name}": array for name, array in parts.all_arrays().items()}
        return arrays


def _take_apart(
    component: Savable,
    *,
    owners_words: Sequence[str] | None = None,
    owners_tokenizer: str | None = None,
    depth: int = 1,
) -> _Parts:
    if depth > MAX_NESTING:
        raise SavedModelError(f"{component.name}: more than {MAX_NESTING} components inside one another")
    state = component.fitted_state() if component.is_fitted else FittedState({})
    arrays, words, kind = dict(state.arrays), None, None
    vocabulary, pipeline = getattr(component, "vocabulary_", None), getattr(component, "pipeline_", None)
    for name in arrays:
        if name in RESERVED or name.startswith(MEMBERS):
            whose = "the members" if name.startswith(MEMBERS) else "the vocabulary and the tokenizer"
            raise SavedModelError(f"{component.name}: {name} is reserved for {whose}; rename the array")
    if vocabulary is not None:
        import numpy as np

        words = vocabulary.words
        arrays[COUNTS] = np.asarray(vocabulary.counts, np.int64)
        if depth > 1:
            kind = OWNERS if words == owners_words else OWN
        if kind == OWN:
            arrays[WORDS] = _words_as_bytes(words, component.name)
    tokenizer = None if pipeline is None else pipeline.tokenizer
    if is_trained(tokenizer) and tokenizer != owners_tokenizer:
        arrays[SUBWORDS] = subwords_as_array(pipeline)
    inside = dict(component.members())
    for place, member in state.members.items():
        if not PLACE.fullmatch(place) or place.partition(".")[0] in component.hyper_parameters():
            raise SavedModelError(f"{component.name}: {place!r} is not a valid place for a member")
        if place.partition(".")[0] == SEGMENTER:
            raise SavedModelError(f"{component.name}: {place!r} is reserved for the segmenter of the text pipeline")
        inside[place] = member
    segmenter, place_of_segmenter = segmenter_of(component), None
    if segmenter is not None:
        place_of_segmenter = OWNERS if segmenter.name == owners_tokenizer else _place(segmenter, inside)
        if place_of_segmenter != OWNERS:
            inside[place_of_segmenter] = segmenter.model
    return _Parts(
        component=component,
        hyper_parameters=_with_references(component),
        metadata=dict(state.metadata),
        pipeline=None if pipeline is None else pipeline.to_dict(),
        words=words,
        vocabulary=kind,
        arrays=arrays,
        members={
            place: _take_apart(
                member,
                owners_words=words,
                owners_tokenizer=tokenizer,
                depth=depth + 1,
            )
            for place, member in inside.items()
        },
        segmenter=place_of_segmenter,
    )


def segmenter_of(component: Any) -> SegmenterTokenizer | None:
    """Return the segmenter by which a component reads text; None if it has another tokenizer, or none."""
    pipeline = getattr(component, "pipeline_", None)
    if pipeline is None or component_in(pipeline.tokenizer) is None:
        return None
    segmenter: SegmenterTokenizer = pipeline.resolved_tokenizer
    return segmenter


def subwords_as_array(pipeline: Any) -> NDArray[Any]:
    """Return the JSON of a text pipeline's trained subword tokenizer: uint8 [bytes]."""
    import numpy as np

    tokenizer: SubwordTokenizer = pipeline.resolved_tokenizer
    return np.frombuffer(tokenizer.json, np.uint8)


def _place(segmenter: SegmenterTokenizer, inside: Mapping[str, Savable]) -> str:
    """Return the place of a text pipeline's segmenter: that of the same one among the members, or its own."""
    return next((place for place, member in inside.items() if member is segmenter.model), SEGMENTER)


def _with_references(component: Savable) -> dict[str, Any]:
    """Return the hyper-parameters as JSON; components among them by identity only, as their parts are under members."""
    values = component.saved_params()
    for place, member in component.members().items():
        reference = {"member": place, "component": member.name, "digest": member.digest if member.is_fitted else None}
        put(values, place, reference)
    return values


def _words_as_bytes(words: Sequence[str], component: str) -> NDArray[Any]:
    """Return the vocabulary file as an array of bytes."""
    import numpy as np

    from nlmkit.saving.vocabulary import encode_vocabulary

    return np.frombuffer(b"".join(encode_vocabulary(words, Path(component))), np.uint8)


def _record(parts: _Parts, *, member: bool = False) -> tuple[dict[str, Any], list[Entry]]:
    """Return the manifest entries of a component and its members, and their declarations."""
    entry = registry.entry_of(type(parts.component))
    entries = [entry]
    record = parts.identity(member=member) | {
        "kind": entry.kind,
        "distribution": entry.distribution,
        "version": entry.version,
        "api_version": API_VERSION,
    }
    tokenizer = _plugin_of_tokenizer(parts.pipeline)
    if tokenizer is not None:
        entries.append(tokenizer)
        record["tokenizer"] = {"distribution": tokenizer.distribution, "version": tokenizer.version}
    elif parts.segmenter is not None:
        record["tokenizer"] = {"member": parts.segmenter}
    if parts.members:
        record["members"] = {}
        for place, inner in parts.members.items():
            record["members"][place], more = _record(inner, member=True)
            entries += more
    return record, entries


def _plugin_of_tokenizer(pipeline: Mapping[str, Any] | None) -> Entry | None:
    """Return the plugin's declaration that a text pipeline's tokenizer comes from; None for a built-in one."""
    if pipeline is None or component_in(pipeline["tokenizer"]) is not None or is_trained(pipeline["tokenizer"]):
        return None
    try:
        entry = registry.tokenizer_entry(pipeline["tokenizer"])
    except UnknownComponentError:  # uninstalled since: no reason to lose what was trained
        return None
    return None if entry.builtin else entry


def _libraries(entries: Sequence[Entry]) -> dict[str, str]:
    names = dict.fromkeys(["nlmkit", "numpy", *(entry.distribution for entry in entries)])
    return {"python": platform.python_version()} | {name: installed_version(name) for name in names}


def digest_of(identity: Mapping[str, Any], *, arrays: str, vocabulary: str | None) -> str:
    """Return the digest of a component.

    Args:
        identity: Identity besides arrays and words: the fields ``IDENTITY``, and ``members``.
        arrays: SHA-256 of its arrays, as in the manifest.
        vocabulary: SHA-256 of its words; None without a vocabulary.

    Raises:
        SavedModelError: the identity is not strict JSON.
    """
    values = {**identity, "arrays": arrays, "vocabulary": vocabulary}
    try:
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        problem = f"its fitted state's metadata is not strict JSON ({error})"
        raise SavedModelError(f"{identity['component']}: {problem}") from error
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
