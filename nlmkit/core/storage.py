"""Saving and loading components: what a component is, as the manifest and payloads of :mod:`nlmkit.saving`.

Loading goes from the manifest's name through the registry to a class, and from there by the class's own ``restore``;
nothing that a file names is imported.

Components inside a component (:mod:`nlmkit.core.members`) are saved with it: what they are stands in its manifest under
``members``, by place, and their arrays lie in its one payload of arrays as ``members/PLACE/NAME``. So one replaced
manifest replaces all of them, and one hash covers them.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from nlmkit.contract import API_VERSION
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.kinds import kind_of
from nlmkit.core.members import MAX_NESTING, PLACE, members, put
from nlmkit.core.memory import as_size, is_out_of_memory, out_of_memory
from nlmkit.errors import (
    DataError,
    HyperParameterError,
    NlmkitError,
    PluginError,
    RegistryError,
    SavedModelError,
    UnknownComponentError,
)
from nlmkit.saving import arrays_sha256, load_folder, read_manifest, save_folder, vocabulary_sha256
from nlmkit.saving.state import FittedState
from nlmkit.saving.strict_json import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.saving import SavedFolder
    from nlmkit.saving.tensors import StoredArrays
    from nlmkit.text import Vocabulary

_Kind = TypeVar("_Kind", bound=Component)

_COUNTS: Final = "vocabulary.counts"
_WORDS: Final = "vocabulary.words"
_RESERVED: Final = (_COUNTS, _WORDS)
_MEMBERS: Final = "members/"
_LONGEST_MESSAGE: Final = 600
_OWN, _OWNERS = "own", "owner's"


def save(component: Component, path: str | os.PathLike[str]) -> None:
    """Save a fitted component to the folder ``path``, replacing atomically a model that is there.

    Raises:
        NotFittedError: there is nothing to save yet.
        PluginError: the component's class is not registered, so that it could not be loaded again.
        SavedModelError: the folder cannot be written, holds something else, or the fitted state cannot be stored.
    """
    component.check_fitted()
    with out_of_memory(f"{os.fspath(path)}: saving the model"):
        _save(component, path)


def _save(component: Component, path: str | os.PathLike[str]) -> None:
    parts = _take_apart(component)
    records, entries = _record(parts)
    manifest = {
        **{name: value for name, value in records.items() if name not in ("fitted", "vocabulary")},
        "libraries": _libraries(entries),
        "created_by": f"nlmkit {_version_of('nlmkit')}",
    }
    save_folder(path, manifest, arrays=parts.all_arrays(), vocabulary=parts.words)


@overload
def load(path: str | os.PathLike[str], *, verify: bool = True) -> Component: ...
@overload
def load(path: str | os.PathLike[str], kind: type[_Kind], *, verify: bool = True) -> _Kind: ...
def load(path: str | os.PathLike[str], kind: type[Component] = Component, *, verify: bool = True) -> Component:
    """Load a saved component; its arrays are memory-mapped.

    Args:
        path: Folder of the saved model.
        kind: What it must be: :class:`LanguageModel`, :class:`Classifier`, :class:`Representation`, or a class of one
            component such as :class:`NGram`. A type checker then knows what comes back.
        verify: Whether to compare every payload with its SHA-256, which reads it once. Structure is always checked.

    Raises:
        MissingModelError: there is no saved model at ``path``.
        HyperParameterError: ``kind`` is no class.
        SavedModelError: the model is damaged, foreign or from a newer version, cannot be read, or is not of the
            ``kind``.
        UnknownComponentError: the package that the component comes from is not installed.
        PluginError: that package is there and cannot be used, or lacks a package that it needs.
        MemoryError: there is too little memory; the message says how large the model is.
    """
    if not isinstance(kind, type):
        raise HyperParameterError(f"kind must be a class such as LanguageModel or NGram, not {kind!r}")
    with out_of_memory(f"{os.fspath(path)}: loading the model", lambda: _size(path)):
        folder = load_folder(path, verify=verify)
        facts = _facts(folder.manifest, str(folder.path / "manifest.json"))
        _check_kind(facts, kind, str(folder.path))
        component = _rebuild(facts, _Stored.of(folder), str(folder.path))
        vars(component)["_digest"] = _digest_of_manifest(facts)
    return component


def _size(path: str | os.PathLike[str]) -> str:
    payloads = read_manifest(path)["payloads"]
    return f"its arrays and vocabulary take {as_size(sum(payload['bytes'] for payload in payloads))}"


def _check_kind(facts: Mapping[str, Any], kind: type[Component], where: str) -> None:
    """Refuse a model of another kind before anything of it is restored."""
    if kind is not Component and not issubclass(cls := _class_of(facts, where), kind):
        wanted = str(getattr(kind, "name", None) or getattr(kind, "kind", kind.__name__)).replace("-", " ")
        raise SavedModelError(f"{where}: {cls.name} is a {cls.kind}, and this needs a {wanted}")


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a saved model says about itself, from its manifest alone; neither payloads nor plugins are touched.

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


def digest(component: Component) -> str:
    """Sixteen hex digits that identify a fitted component, equal before saving and after loading.

    They cover its name, hyper-parameters, text pipeline, vocabulary and fitted state, and no library versions.

    Raises:
        NotFittedError: the component is not fitted.
        SavedModelError: the fitted state could not be saved.
    """
    component.check_fitted()
    known = vars(component)
    if "_digest" not in known:
        parts = _take_apart(component)
        known["_digest"] = _digest(
            parts.identity(),
            arrays=arrays_sha256(parts.all_arrays()),
            vocabulary=None if parts.words is None else vocabulary_sha256(parts.words),
        )
    value: str = known["_digest"]
    return value


# ---------------------------------------------------------------------------------------------- from component


_IDENTITY: Final = ("component", "hyper_parameters", "metadata", "pipeline")


@dataclasses.dataclass(frozen=True)
class _Parts:
    """A component as what can be saved; of one that is not fitted that is its hyper-parameters and members."""

    component: Component
    hyper_parameters: Mapping[str, Any]
    metadata: Mapping[str, Any]
    pipeline: Mapping[str, Any] | None
    words: Sequence[str] | None
    vocabulary: str | None  # of a member: _OWN when its words are among its arrays, _OWNERS when they are the owner's
    arrays: Mapping[str, NDArray[Any]]
    members: Mapping[str, _Parts]

    def identity(self, *, member: bool = False) -> dict[str, Any]:
        """What, beside arrays and words, makes the component what it is."""
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
        """The arrays, and those of the members under their places."""
        arrays = dict(self.arrays)
        for place, parts in self.members.items():
            arrays |= {f"{_MEMBERS}{place}/{name}": array for name, array in parts.all_arrays().items()}
        return arrays


def _take_apart(component: Component, *, owners_words: Sequence[str] | None = None, depth: int = 1) -> _Parts:
    if depth > MAX_NESTING:
        raise SavedModelError(f"{component.name}: more than {MAX_NESTING} components inside one another")
    state = component.fitted_state() if component.is_fitted else FittedState({})
    arrays, words, kind = dict(state.arrays), None, None
    vocabulary, pipeline = getattr(component, "vocabulary_", None), getattr(component, "pipeline_", None)
    for name in arrays:
        if name in _RESERVED or name.startswith(_MEMBERS):
            whose = "the members" if name.startswith(_MEMBERS) else "the vocabulary"
            raise SavedModelError(f"{component.name}: {name} is reserved for {whose}; name the array otherwise")
    if vocabulary is not None:
        import numpy as np

        words = vocabulary.words
        arrays[_COUNTS] = np.asarray(vocabulary.counts, np.int64)
        if depth > 1:
            kind = _OWNERS if words == owners_words else _OWN
        if kind == _OWN:
            arrays[_WORDS] = _words_as_bytes(words, component.name)
    inside = members(component)
    for place, member in state.members.items():
        if not PLACE.fullmatch(place) or place.partition(".")[0] in component.hyper_parameters():
            raise SavedModelError(f"{component.name}: {place!r} cannot be the place of a member")
        inside[place] = member
    return _Parts(
        component=component,
        hyper_parameters=_with_references(component),
        metadata=dict(state.metadata),
        pipeline=None if pipeline is None else pipeline.to_dict(),
        words=words,
        vocabulary=kind,
        arrays=arrays,
        members={place: _take_apart(member, owners_words=words, depth=depth + 1) for place, member in inside.items()},
    )


def _with_references(component: Component) -> dict[str, Any]:
    """The hyper-parameters as JSON; of the components among them only which they are, as the rest is under members."""
    values = component.saved_params()
    for place, member in members(component).items():
        reference = {"member": place, "component": member.name, "digest": member.digest if member.is_fitted else None}
        put(values, place, reference)
    return values


def _words_as_bytes(words: Sequence[str], component: str) -> NDArray[Any]:
    """The vocabulary file as an array of bytes."""
    import numpy as np

    from nlmkit.saving.vocabulary import encode_vocabulary

    return np.frombuffer(b"".join(encode_vocabulary(words, Path(component))), np.uint8)


def _record(parts: _Parts, *, member: bool = False) -> tuple[dict[str, Any], list[registry.Entry]]:
    """What the manifest says of a component and its members, and the declarations that lead to them."""
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
    if parts.members:
        record["members"] = {}
        for place, inner in parts.members.items():
            record["members"][place], more = _record(inner, member=True)
            entries += more
    return record, entries


def _plugin_of_tokenizer(pipeline: Mapping[str, Any] | None) -> registry.Entry | None:
    """The plugin's declaration that a text pipeline's tokenizer comes from; None for a built-in one."""
    if pipeline is None:
        return None
    try:
        entry = registry.tokenizer_entry(pipeline["tokenizer"])
    except UnknownComponentError:  # uninstalled since: no reason to lose what was trained
        return None
    return None if entry.builtin else entry


def _libraries(entries: Sequence[registry.Entry]) -> dict[str, str]:
    names = dict.fromkeys(["nlmkit", "numpy", *(entry.distribution for entry in entries)])
    return {"python": platform.python_version()} | {name: _version_of(name) for name in names}


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


def _digest(identity: Mapping[str, Any], *, arrays: str, vocabulary: str | None) -> str:
    values = {**identity, "arrays": arrays, "vocabulary": vocabulary}
    try:
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        problem = f"its fitted state's metadata is not strict JSON ({error})"
        raise SavedModelError(f"{identity['component']}: {problem}") from error
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _digest_of_manifest(facts: Mapping[str, Any]) -> str:
    payloads = {payload["name"]: payload["sha256"] for payload in facts["payloads"]}
    return _digest(_identity(facts, _IDENTITY), arrays=payloads["arrays"], vocabulary=payloads.get("vocabulary"))


def _identity(facts: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """:meth:`_Parts.identity`, from what the manifest says."""
    values = {name: facts[name] for name in fields}
    if facts.get("members"):
        of_member = (*_IDENTITY, "fitted", "vocabulary")
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
    """The manifest, once the fields that this module needs are there and of the right type, its members' too."""
    fields = {**_FIELDS, "fitted": bool, "vocabulary": (str, type(None))} if depth > 1 else _FIELDS
    for name, wanted in fields.items():
        found = manifest.get(name, ...)
        if not isinstance(found, wanted) or (isinstance(found, bool) and wanted is not bool):
            problem = "has a wrong type" if name in manifest else "is missing"
            raise SavedModelError(f"{place}: {name} {problem}; restore it from a copy or save the model again")
    for name in ("component", "distribution"):
        if not registry.NAME.fullmatch(manifest[name]):
            raise SavedModelError(f"{place}: {name} cannot be {manifest[name][:80]!r}")
    if "tokenizer" in manifest:
        whose = manifest["tokenizer"].get("distribution") if isinstance(manifest["tokenizer"], dict) else None
        if manifest["pipeline"] is None or not (isinstance(whose, str) and registry.NAME.fullmatch(whose)):
            raise SavedModelError(
                f"{place}: tokenizer has a wrong type; restore it from a copy or save the model again"
            )
    inside = manifest.get("members", {})
    if not isinstance(inside, dict) or not all(PLACE.fullmatch(key) for key in inside):
        raise SavedModelError(f"{place}: members has a wrong type; restore it from a copy or save the model again")
    if inside and depth == MAX_NESTING:
        raise SavedModelError(f"{place}: more than {MAX_NESTING} components inside one another")
    for key, record in inside.items():
        if not isinstance(record, dict):
            raise SavedModelError(f"{place}: member {key} has a wrong type; restore it from a copy")
        _facts(record, f"{place}, member {key}", depth=depth + 1)
    return manifest


@dataclasses.dataclass(frozen=True)
class _Stored:
    """What lies in the folder for a component: its arrays with those of its members, and its words."""

    arrays: StoredArrays
    words: Sequence[str] | None

    @classmethod
    def of(cls, folder: SavedFolder) -> _Stored:
        """All that lies in the folder."""
        from nlmkit.saving.tensors import StoredArrays

        assert isinstance(folder.arrays, StoredArrays)
        return cls(folder.arrays, folder.vocabulary)

    def own(self) -> StoredArrays:
        """The arrays that the component itself gave to be saved; they still know their file."""
        return self._select(lambda name: None if name in _RESERVED or name.startswith(_MEMBERS) else name)

    def check_members(self, places: Iterable[str]) -> None:
        """Refuse arrays of a member that is not there."""
        known = tuple(f"{_MEMBERS}{place}/" for place in places)
        for name in self.arrays:
            if name.startswith(_MEMBERS) and not name.startswith(known):
                raise SavedModelError(f"{self.arrays.file}: array {name!r} belongs to no member in the manifest")

    def of_member(self, place: str, vocabulary: str | None) -> _Stored:
        """The same for the member at ``place``."""
        prefix = f"{_MEMBERS}{place}/"
        arrays = self._select(lambda name: name.removeprefix(prefix) if name.startswith(prefix) else None)
        if vocabulary == _OWNERS:
            return _Stored(arrays, self.words)
        return _Stored(arrays, _words_of_bytes(arrays) if vocabulary == _OWN else None)

    def _select(self, new_name: Callable[[str], str | None]) -> StoredArrays:
        named = {new_name(name): array for name, array in self.arrays.items()}
        return type(self.arrays)({name: array for name, array in named.items() if name is not None}, self.arrays.file)


def _rebuild(facts: Mapping[str, Any], stored: _Stored, where: str, owners: Vocabulary | None = None) -> Component:
    """The component that ``facts`` and ``stored`` describe, its members first; ``where`` stands in its errors."""
    cls = _class_of(facts, where)
    with _located(where, facts["component"]):
        stored.check_members(facts.get("members", {}))
        vocabulary = _vocabulary(stored, owners)
    inside = {
        place: _rebuild(record, _of_member(stored, place, record, where), f"{where}, member {place}", vocabulary)
        for place, record in facts.get("members", {}).items()
    }
    component = _construct(cls, facts, inside, where)
    if facts.get("fitted", True):
        with _located(where, facts["component"]):
            _restore_text(component, vocabulary, facts["pipeline"])
            _restore_tokenizer(component, facts, where)
            made_by_fit = {place: member for place, member in inside.items() if not _is_parameter(place, cls)}
            component.restore(FittedState(stored.own(), facts["metadata"], made_by_fit))
    return component


def _of_member(stored: _Stored, place: str, record: Mapping[str, Any], where: str) -> _Stored:
    with _located(f"{where}, member {place}", record["component"]):
        return stored.of_member(place, record["vocabulary"])


def _is_parameter(place: str, cls: type[Component]) -> bool:
    return place.partition(".")[0] in cls.hyper_parameters()


@contextlib.contextmanager
def _located(where: str, name: str) -> Iterator[None]:
    """Let every error of the body name the folder, and the member of it."""
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
            f"{where}: wrong hyper-parameters for {facts['component']} {_version_of(facts['distribution'])} "
            f"(saved with {shown(facts['version'])[1:-1]}): {_brief(error)}"
        ) from error
    except LookupError as error:
        raise SavedModelError(f"{where}: the hyper-parameters have no place for the member {error}") from error


def _vocabulary(stored: _Stored, owners: Vocabulary | None) -> Vocabulary | None:
    """The vocabulary; the owner's own object where it is the same, as a vocabulary of a million words is large."""
    from nlmkit.saving import require, require_array
    from nlmkit.text import Vocabulary
    from nlmkit.text.vocabulary import SPECIAL

    words = stored.words
    if words is None:
        return None
    counts = require_array(stored.arrays, _COUNTS, dtype="int64", shape=(len(words),))
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

    data = require_array(arrays, _WORDS, dtype="uint8", shape=(None,))
    return decode_vocabulary(data.tobytes(), arrays.file)


def _restore_text(component: Component, vocabulary: Vocabulary | None, pipeline: Mapping[str, Any] | None) -> None:
    """Set ``vocabulary_`` and ``pipeline_`` where the model has them."""
    from nlmkit.saving import require
    from nlmkit.text import TextPipeline

    kind = kind_of(type(component))
    if kind.needs_text:
        require(vocabulary is not None, f"a {kind.in_words} without a vocabulary; save the model again")
        require(pipeline is not None, f"a {kind.in_words} without a text pipeline; save the model again")
    if vocabulary is not None:
        vars(component)["vocabulary_"] = vocabulary
    if pipeline is not None:
        vars(component)["pipeline_"] = TextPipeline.from_dict(pipeline)


def _restore_tokenizer(component: Component, facts: Mapping[str, Any], where: str) -> None:
    """Give the text pipeline the very plugin's tokenizer that the model was fitted with."""
    if "tokenizer" not in facts:
        return
    pipeline, distribution = vars(component)["pipeline_"], facts["tokenizer"]["distribution"]
    name = pipeline.tokenizer.rpartition(":")[2]
    try:
        # Where the pipeline would keep it after looking it up, by a name that may mean another package's by now.
        vars(pipeline)["resolved_tokenizer"] = registry.get_tokenizer(f"{distribution}:{name}")
    except RegistryError as error:
        raise type(error)(f"{where}: {error}") from error
