"""Saved models: ``load`` and ``describe``, and ``save`` and ``digest`` of ``nlmkit.core.parts``.

Loading goes from the manifest's name through the registry to a class, and from there by the class's own ``restore``;
nothing that a file names is imported.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar, overload

from nlmkit.contract import API_VERSION, MAX_NESTING
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.kinds import kind_of
from nlmkit.core.memory import as_size, is_out_of_memory, out_of_memory
from nlmkit.core.parts import (
    COUNTS,
    IDENTITY,
    MEMBERS,
    OWN,
    OWNERS,
    PLACE,
    RESERVED,
    SEGMENTER,
    SUBWORDS,
    WORDS,
    digest,
    digest_of,
    put,
    save,
)
from nlmkit.core.version import installed_version
from nlmkit.errors import (
    DataError,
    HyperParameterError,
    NlmkitError,
    PluginError,
    RegistryError,
    SavedModelError,
)
from nlmkit.saving import load_folder, read_manifest
from nlmkit.saving.state import FittedState
from nlmkit.saving.strict_json import shown
from nlmkit.text.segmenter import SegmenterTokenizer, component_in
from nlmkit.text.subwords import SubwordTokenizer, is_trained
from nlmkit.text.tokenizer_lookup import SavedTokenizer, without_folders

if TYPE_CHECKING:
    from nlmkit.saving import SavedFolder
    from nlmkit.saving.tensors import StoredArrays
    from nlmkit.text import Vocabulary

__all__ = ["describe", "digest", "load", "save"]

_Kind = TypeVar("_Kind", bound=Component)

_LONGEST_MESSAGE: Final = 600


@overload
def load(path: str | os.PathLike[str], *, verify: bool = True) -> Component: ...
@overload
def load(path: str | os.PathLike[str], kind: type[_Kind], *, verify: bool = True) -> _Kind: ...
def load(path: str | os.PathLike[str], kind: type[Component] = Component, *, verify: bool = True) -> Component:
    """Load a saved component; its arrays are memory-mapped.

    Args:
        path: Folder of the saved model.
        kind: What it must be: ``LanguageModel``, ``Classifier``, ``Representation``, or a class of one
            component such as ``NGram``. A type checker then knows what comes back.
        verify: Whether to compare every payload with its SHA-256, which reads it once. Structure is always checked.

    Raises:
        MissingModelError: ``path`` is not a saved model.
        HyperParameterError: ``kind`` is no class.
        SavedModelError: the model is damaged, foreign or from a newer version, cannot be read, or is not of the
            ``kind``.
        UnknownComponentError: the package that the component comes from is not installed.
        PluginError: that package is there and cannot be used, or lacks a package that it needs.
        MemoryError: there is too little memory; the message says how large the model is.
    """
    if not isinstance(kind, type):
        raise HyperParameterError(f"kind must be a class such as LanguageModel or NGram, not {kind!r}")
    with out_of_memory(f"{os.fspath(path)}: loading the model", lambda: _size(path)), registry.scanned_once():
        folder = load_folder(path, verify=verify)
        facts = _facts(folder.manifest, str(folder.path / "manifest.json"))
        _check_kind(facts, kind, str(folder.path))
        with without_folders():
            component = _rebuild(facts, _Stored.of(folder), str(folder.path))
        component.remember_digest(_digest_of_manifest(facts))
    return component


def _size(path: str | os.PathLike[str]) -> str:
    payloads = read_manifest(path)["payloads"]
    return f"its arrays and vocabulary take {as_size(sum(payload['bytes'] for payload in payloads))}"


def _check_kind(facts: Mapping[str, Any], kind: type[Component], where: str) -> None:
    """Raise an error for a model of another kind before restoring it."""
    if kind is not Component and not issubclass(cls := _class_of(facts, where), kind):
        wanted = str(getattr(kind, "name", None) or getattr(kind, "kind", kind.__name__)).replace("-", " ")
        raise SavedModelError(f"{where}: {cls.name} is a {kind_of(cls).noun or cls.kind}, expected a {wanted}")


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the facts of a saved model from its manifest alone, without reading payloads or importing plugins.

    Returns:
        The manifest's fields, and ``digest`` and ``bytes`` (of all payloads).

    Raises:
        SavedModelError: the manifest is missing, damaged, foreign or from a newer version.
    """
    facts = _facts(read_manifest(path), str(Path(path) / "manifest.json"))
    return facts | {
        "digest": _digest_of_manifest(facts),
        "bytes": sum(payload["bytes"] for payload in facts["payloads"]),
    }


def _digest_of_manifest(facts: Mapping[str, Any]) -> str:
    payloads = {payload["name"]: payload["sha256"] for payload in facts["payloads"]}
    return digest_of(_identity(facts, IDENTITY), arrays=payloads["arrays"], vocabulary=payloads.get("vocabulary"))


def _identity(facts: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """``identity``, from what the manifest says."""
    values = {name: facts[name] for name in fields}
    if facts.get("members"):
        of_member = (*IDENTITY, "fitted", "vocabulary")
        values["members"] = {place: _identity(record, of_member) for place, record in facts["members"].items()}
    return values


# ---------------------------------------------------------------------------------------------- to component


_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "kind": str,
    "component": str,
    "distribution": str,
    "version": str,
    "api_version": int,
    "hyper_parameters": dict,
    "pipeline": (dict, type(None)),
    "metadata": dict,
}


def _facts(manifest: dict[str, Any], place: str, *, depth: int = 1) -> dict[str, Any]:
    """Return the manifest after checking the required fields and their types, including those of members."""
    fields = {**_FIELDS, "fitted": bool, "vocabulary": (str, type(None))} if depth > 1 else _FIELDS
    for name, wanted in fields.items():
        found = manifest.get(name, ...)
        if not isinstance(found, wanted) or (isinstance(found, bool) and wanted is not bool):
            problem = "has a wrong type" if name in manifest else "is missing"
            raise SavedModelError(f"{place}: {name} {problem}; restore it from a copy or save the model again")
    for name in ("component", "distribution"):
        if not registry.NAME.fullmatch(manifest[name]):
            raise SavedModelError(f"{place}: {name} cannot be {manifest[name][:80]!r}")
    inside = manifest.get("members", {})
    if not isinstance(inside, dict) or not all(PLACE.fullmatch(key) for key in inside):
        raise SavedModelError(f"{place}: members has a wrong type; restore it from a copy or save the model again")
    if "tokenizer" in manifest and not _is_tokenizer(manifest["tokenizer"], manifest["pipeline"], inside, depth):
        raise SavedModelError(f"{place}: tokenizer has a wrong type; restore it from a copy or save the model again")
    if inside and depth == MAX_NESTING:
        raise SavedModelError(f"{place}: more than {MAX_NESTING} components inside one another")
    for key, record in inside.items():
        if not isinstance(record, dict):
            raise SavedModelError(f"{place}: member {key} has a wrong type; restore it from a copy")
        _facts(record, f"{place}, member {key}", depth=depth + 1)
    return manifest


def _is_tokenizer(record: Any, pipeline: Any, inside: Mapping[str, Any], depth: int) -> bool:
    """Return whether a record of a manifest says which plugin, or which member, the tokenizer of a pipeline is."""
    if pipeline is None or not isinstance(record, dict):
        return False
    member, whose = record.get("member"), record.get("distribution")
    if isinstance(member, str):
        return depth > 1 if member == OWNERS else member in inside
    return isinstance(whose, str) and registry.NAME.fullmatch(whose) is not None


@dataclasses.dataclass(frozen=True)
class _Stored:
    """Stored parts of a component: its arrays with those of its members, and its words."""

    arrays: StoredArrays
    words: Sequence[str] | None

    @classmethod
    def of(cls, folder: SavedFolder) -> _Stored:
        """Return all stored parts of the folder."""
        from nlmkit.saving.tensors import StoredArrays

        assert isinstance(folder.arrays, StoredArrays)
        return cls(folder.arrays, folder.vocabulary)

    def own(self) -> StoredArrays:
        """Return the arrays that the component itself gave to be saved; they still know their file."""
        return self._select(lambda name: None if name in RESERVED or name.startswith(MEMBERS) else name)

    def check_members(self, places: Iterable[str]) -> None:
        """Raise an error for arrays of an unknown member."""
        known = tuple(f"{MEMBERS}{place}/" for place in places)
        for name in self.arrays:
            if name.startswith(MEMBERS) and not name.startswith(known):
                raise SavedModelError(f"{self.arrays.file}: array {name!r} does not belong to a member in the manifest")

    def of_member(self, place: str, vocabulary: str | None) -> _Stored:
        """Return the stored parts of the member at ``place``."""
        prefix = f"{MEMBERS}{place}/"
        arrays = self._select(lambda name: name.removeprefix(prefix) if name.startswith(prefix) else None)
        if vocabulary == OWNERS:
            return _Stored(arrays, self.words)
        return _Stored(arrays, _words_of_bytes(arrays) if vocabulary == OWN else None)

    def _select(self, new_name: Callable[[str], str | None]) -> StoredArrays:
        named = {new_name(name): array for name, array in self.arrays.items()}
        return type(self.arrays)({name: array for name, array in named.items() if name is not None}, self.arrays.file)


def _rebuild(
    facts: Mapping[str, Any],
    stored: _Stored,
    where: str,
    owners: Vocabulary | None = None,
    owners_tokenizer: SavedTokenizer | None = None,
) -> Component:
    """The component that ``facts`` and ``stored`` describe, its members first; ``where`` is named in its errors."""
    cls = _class_of(facts, where)
    with _located(where, facts["component"]):
        stored.check_members(facts.get("members", {}))
        vocabulary = _vocabulary(stored, owners)
        tokenizer: SavedTokenizer | None = _subwords(stored, facts, owners_tokenizer)
    records = facts.get("members", {})
    place_of_segmenter = facts.get("tokenizer", {}).get("member")
    if place_of_segmenter == OWNERS:
        tokenizer = owners_tokenizer
    inside: dict[str, Component] = {}
    for place in sorted(records, key=lambda place: place != place_of_segmenter):  # which the others may share
        there = f"{where}, member {place}"
        member = _of_member(stored, place, records[place], where)
        inside[place] = _rebuild(records[place], member, there, vocabulary, tokenizer)
        if place == place_of_segmenter:
            tokenizer = _segmenter(inside[place], facts, there)
    component = _construct(cls, facts, inside, where)
    if facts.get("fitted", True):
        with _located(where, facts["component"]):
            _restore_text(component, vocabulary, facts["pipeline"])
            _restore_tokenizer(component, facts, tokenizer, where)
            made_by_fit = {
                place: member
                for place, member in inside.items()
                if not _is_parameter(place, cls) and place != SEGMENTER
            }
            component.restore(FittedState(stored.own(), facts["metadata"], made_by_fit))
    return component


def _subwords(stored: _Stored, facts: Mapping[str, Any], owners: SavedTokenizer | None) -> SubwordTokenizer | None:
    """Return the trained subword tokenizer of a component, its own or its owner's; None if it has another."""
    from nlmkit.saving import require, require_array

    name: Any = (facts["pipeline"] or {}).get("tokenizer")
    if SUBWORDS not in stored.arrays:
        require(not is_trained(name) or _is_subwords(owners, name), f"the tokenizer {shown(name)} is missing")
        return owners if _is_subwords(owners, name) else None
    require(is_trained(name), f"the array {SUBWORDS} does not belong to the tokenizer {shown(name)}")
    data = require_array(stored.arrays, SUBWORDS, dtype="uint8", shape=(None,))
    return SubwordTokenizer.restored(data.tobytes(), name)


def _is_subwords(tokenizer: SavedTokenizer | None, name: object) -> TypeGuard[SubwordTokenizer]:
    return isinstance(tokenizer, SubwordTokenizer) and tokenizer.name == name


def _segmenter(model: Component, facts: Mapping[str, Any], where: str) -> SegmenterTokenizer:
    """Return the tokenizer of a member, under the name by which its owner's text pipeline was saved."""
    try:
        return SegmenterTokenizer(model, facts["pipeline"].get("tokenizer"))
    except HyperParameterError as error:
        raise SavedModelError(f"{where}: {error}") from error


def _of_member(stored: _Stored, place: str, record: Mapping[str, Any], where: str) -> _Stored:
    with _located(f"{where}, member {place}", record["component"]):
        return stored.of_member(place, record["vocabulary"])


def _is_parameter(place: str, cls: type[Component]) -> bool:
    return place.partition(".")[0] in cls.hyper_parameters()


@contextlib.contextmanager
def _located(where: str, name: str) -> Iterator[None]:
    """Add the folder and the member to every error of the body."""
    try:
        yield
    except SavedModelError as error:
        if str(error).startswith(where):
            raise
        raise type(error)(f"{where}: {_brief(error)}") from error
    except (NlmkitError, RecursionError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if isinstance(error, OSError):  # of the medium that the payloads lie on, or of the machine
            raise SavedModelError(f"{where}: {name} cannot be restored ({error})") from error
        if isinstance(error, ImportError):
            raise PluginError(f"{where}: {name} needs a package that cannot be imported ({error})") from error
        raise SavedModelError(
            f"{where}: damaged: {type(error).__name__} while restoring {name} ({_brief(error)}); "
            "restore it from a copy or save the model again"
        ) from error


def _brief(error: Exception) -> str:
    """Message of an error, cut: it may quote a value of any length from the file."""
    text = str(error)
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _class_of(facts: Mapping[str, Any], where: str) -> type[Component]:
    if facts["api_version"] != API_VERSION:
        raise SavedModelError(
            f"{where}: written for version {shown(facts['api_version'])} of the component contract, this nlmkit has "
            f"version {API_VERSION}: install the nlmkit that wrote it ({shown(facts.get('created_by', 'not stated'))})"
        )
    try:
        cls = registry.get(facts["component"], distribution=facts["distribution"])
    except RegistryError as error:
        raise type(error)(f"{where}: {error}") from error
    if cls.kind != facts["kind"]:
        raise SavedModelError(f"{where}: holds a {shown(facts['kind'])}, but {facts['component']} is a {cls.kind}")
    return cls


def _construct(
    cls: type[Component], facts: Mapping[str, Any], inside: Mapping[str, Component], where: str
) -> Component:
    values = copy.deepcopy(facts["hyper_parameters"]) if inside else facts["hyper_parameters"]
    try:
        for place, member in inside.items():
            if _is_parameter(place, cls):
                put(values, place, member)
        return cls(**values)
    except (HyperParameterError, TypeError) as error:
        raise SavedModelError(
            f"{where}: wrong hyper-parameters for {facts['component']} {installed_version(facts['distribution'])} "
            f"(saved with {shown(facts['version'])[1:-1]}): {_brief(error)}"
        ) from error
    except LookupError as error:
        raise SavedModelError(f"{where}: the hyper-parameters do not have the member {error}") from error


def _vocabulary(stored: _Stored, owners: Vocabulary | None) -> Vocabulary | None:
    """The vocabulary; the owner's own object where it is the same, as a vocabulary of a million words is large."""
    from nlmkit.saving import require, require_array
    from nlmkit.text import Vocabulary
    from nlmkit.text.vocabulary import SPECIAL

    words = stored.words
    if words is None:
        return None
    counts = require_array(stored.arrays, COUNTS, dtype="int64", shape=(len(words),))
    require(tuple(words[: len(SPECIAL)]) == SPECIAL, f"the vocabulary does not begin with {', '.join(SPECIAL)}")
    if owners is not None and tuple(words) == owners.words and (counts == owners.counts).all():
        return owners
    try:
        return Vocabulary(words[len(SPECIAL) :], counts)
    except DataError as error:
        raise SavedModelError(str(error)) from error


def _words_of_bytes(arrays: StoredArrays) -> list[str]:
    from nlmkit.saving import require_array
    from nlmkit.saving.vocabulary import decode_vocabulary

    data = require_array(arrays, WORDS, dtype="uint8", shape=(None,))
    return decode_vocabulary(data.tobytes(), arrays.file)


def _restore_text(component: Component, vocabulary: Vocabulary | None, pipeline: Mapping[str, Any] | None) -> None:
    """Set ``vocabulary_`` and ``pipeline_`` where the model has them."""
    from nlmkit.saving import require
    from nlmkit.text import TextPipeline

    kind = kind_of(type(component))
    if kind.needs_text:
        require(vocabulary is not None, f"a {kind.in_words} without a vocabulary; save the model again")
        require(pipeline is not None, f"a {kind.in_words} without a text pipeline; save the model again")
    component.restore_text(vocabulary, None if pipeline is None else TextPipeline.from_dict(pipeline))


def _restore_tokenizer(
    component: Component, facts: Mapping[str, Any], tokenizer: SavedTokenizer | None, where: str
) -> None:
    """Set the tokenizer of the text pipeline: of the plugin that the model was fitted with, or the saved one."""
    own = facts.get("tokenizer", {})
    saved_name = (facts["pipeline"] or {}).get("tokenizer", "")
    if ("member" in own or component_in(saved_name) is not None) and not (
        isinstance(tokenizer, SegmenterTokenizer) and component_in(saved_name) == tokenizer.model.name
    ):
        raise SavedModelError(f"the segmenter {shown(saved_name)} is missing; save the model again")
    if tokenizer is not None and tokenizer.name == saved_name:
        component.pipeline_ = component.pipeline_.with_tokenizer(tokenizer)
        return
    if not own:
        return
    name = component.pipeline_.tokenizer.rpartition(":")[2]
    try:
        # Not by its bare name, which may lead to another package by now.
        of_plugin = registry.get_tokenizer(f"{own['distribution']}:{name}")
    except RegistryError as error:
        raise type(error)(f"{where}: {error}") from error
    component.pipeline_ = component.pipeline_.with_tokenizer(of_plugin)
