"""Saving and loading components: what a component is, as the manifest and payloads of :mod:`nlmkit.saving`.

Loading goes from the manifest's name through the registry to a class, and from there by the class's own ``restore``;
nothing that a file names is imported.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlmkit import registry
from nlmkit.components import API_VERSION, Component, FittedState, LanguageModel
from nlmkit.errors import DataError, HyperParameterError, NlmkitError, RegistryError, SavedModelError
from nlmkit.saving import arrays_sha256, load_folder, read_manifest, save_folder, vocabulary_sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.saving import SavedFolder

_COUNTS: Final = "vocabulary.counts"


def save(component: Component, path: str | os.PathLike[str]) -> None:
    """Save a fitted component to the folder ``path``, replacing atomically a model that is there.

    Raises:
        NotFittedError: there is nothing to save yet.
        PluginError: the component's class is not registered, so that it could not be loaded again.
        SavedModelError: the folder cannot be written, holds something else, or the fitted state cannot be stored.
    """
    component.check_fitted()
    entry = registry.entry_of(type(component))
    parts = _take_apart(component)
    manifest = {
        "kind": entry.kind,
        "component": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "api_version": API_VERSION,
        "hyper_parameters": parts.hyper_parameters,
        "pipeline": parts.pipeline,
        "metadata": parts.metadata,
        "libraries": _libraries(entry),
        "created_by": f"nlmkit {_version_of('nlmkit')}",
    }
    save_folder(path, manifest, arrays=parts.arrays, vocabulary=parts.words)


def load(path: str | os.PathLike[str], *, verify: bool = True) -> Component:
    """Load a saved component; its arrays are memory-mapped.

    Args:
        path: Folder of the saved model.
        verify: Whether to compare every payload with its SHA-256, which reads it once. Structure is always checked.

    Raises:
        SavedModelError: the model is missing, damaged, foreign or from a newer version.
        UnknownComponentError: the package that the component comes from is not installed.
        PluginError: that package is there and cannot be used.
    """
    folder = load_folder(path, verify=verify)
    facts = _facts(folder.manifest, folder.path)
    component = _construct(_class_of(facts, folder.path), facts, folder.path)
    try:
        _restore_text(component, facts, folder)
        component.restore(FittedState(_without_counts(folder), facts["metadata"]))
    except SavedModelError as error:
        if str(folder.path) in str(error):
            raise
        raise type(error)(f"{folder.path}: {error}") from error
    except NlmkitError:
        raise
    except Exception as error:
        raise SavedModelError(
            f"{folder.path}: damaged: {type(error).__name__} while restoring {facts['component']} ({error}); "
            "restore it from a copy or save the model again"
        ) from error
    vars(component)["_digest"] = _digest_of_manifest(facts)
    return component


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a saved model says about itself, from its manifest alone; neither payloads nor plugins are touched.

    Returns:
        The manifest's fields, and ``digest`` and ``bytes`` (of all payloads).

    Raises:
        SavedModelError: the manifest is missing, damaged, foreign or from a newer version.
    """
    facts = _facts(read_manifest(path), Path(path))
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
            component.name,
            parts.hyper_parameters,
            parts.metadata,
            parts.pipeline,
            arrays=arrays_sha256(parts.arrays),
            vocabulary=None if parts.words is None else vocabulary_sha256(parts.words),
        )
    value: str = known["_digest"]
    return value


# ---------------------------------------------------------------------------------------------- from component


@dataclasses.dataclass(frozen=True)
class _Parts:
    """A fitted component as what can be saved."""

    hyper_parameters: Mapping[str, Any]
    metadata: Mapping[str, Any]
    pipeline: Mapping[str, Any] | None
    words: Sequence[str] | None
    arrays: Mapping[str, NDArray[Any]]


def _take_apart(component: Component) -> _Parts:
    state = component.fitted_state()
    arrays, words = dict(state.arrays), None
    vocabulary, pipeline = getattr(component, "vocabulary_", None), getattr(component, "pipeline_", None)
    if _COUNTS in arrays:
        raise SavedModelError(f"{component.name}: {_COUNTS} is reserved for the vocabulary; name the array otherwise")
    if vocabulary is not None:
        import numpy as np

        words = vocabulary.words
        arrays[_COUNTS] = np.asarray(vocabulary.counts, np.int64)
    return _Parts(
        hyper_parameters=component.params_as_json(),
        metadata=dict(state.metadata),
        pipeline=None if pipeline is None else pipeline.to_dict(),
        words=words,
        arrays=arrays,
    )


def _libraries(entry: registry.Entry) -> dict[str, str]:
    names = dict.fromkeys(["nlmkit", "numpy", entry.distribution])
    return {"python": platform.python_version()} | {name: _version_of(name) for name in names}


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


def _digest(
    component: str, hyper_parameters: Any, metadata: Any, pipeline: Any, *, arrays: str, vocabulary: str | None
) -> str:
    values = {
        "component": component,
        "hyper_parameters": hyper_parameters,
        "metadata": metadata,
        "pipeline": pipeline,
        "arrays": arrays,
        "vocabulary": vocabulary,
    }
    try:
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SavedModelError(f"{component}: its fitted state's metadata is not strict JSON ({error})") from error
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _digest_of_manifest(facts: Mapping[str, Any]) -> str:
    payloads = {payload["name"]: payload["sha256"] for payload in facts["payloads"]}
    return _digest(
        facts["component"],
        facts["hyper_parameters"],
        facts["metadata"],
        facts["pipeline"],
        arrays=payloads["arrays"],
        vocabulary=payloads.get("vocabulary"),
    )


# ---------------------------------------------------------------------------------------------- to component


def _facts(manifest: dict[str, Any], path: Path) -> dict[str, Any]:
    """The manifest, once the fields that this module needs are there and of the right type."""
    fields: dict[str, type | tuple[type, ...]] = {
        "kind": str,
        "component": str,
        "distribution": str,
        "version": str,
        "api_version": int,
        "hyper_parameters": dict,
        "pipeline": (dict, type(None)),
        "metadata": dict,
    }
    for name, wanted in fields.items():
        if name not in manifest or not isinstance(manifest[name], wanted) or isinstance(manifest[name], bool):
            problem = "has a wrong type" if name in manifest else "is missing"
            raise SavedModelError(
                f"{path / 'manifest.json'}: {name} {problem}; restore it from a copy or save the model again"
            )
    for name in ("component", "distribution"):
        if not registry.NAME.fullmatch(manifest[name]):
            raise SavedModelError(f"{path / 'manifest.json'}: {name} cannot be {manifest[name][:80]!r}")
    return manifest


def _class_of(facts: Mapping[str, Any], path: Path) -> type[Component]:
    if facts["api_version"] != API_VERSION:
        raise SavedModelError(
            f"{path}: written for version {facts['api_version']} of the component contract, this nlmkit has version "
            f"{API_VERSION}: install the nlmkit that wrote it ({facts.get('created_by', 'not stated')!r})"
        )
    try:
        cls = registry.get(facts["component"], distribution=facts["distribution"])
    except RegistryError as error:
        raise type(error)(f"{path}: {error}") from error
    if cls.kind != facts["kind"]:
        raise SavedModelError(f"{path}: holds a {facts['kind']!r}, but {facts['component']} is a {cls.kind}")
    return cls


def _construct(cls: type[Component], facts: Mapping[str, Any], path: Path) -> Component:
    try:
        return cls(**facts["hyper_parameters"])
    except (HyperParameterError, TypeError) as error:
        raise SavedModelError(
            f"{path}: wrong hyper-parameters for {facts['component']} {_version_of(facts['distribution'])} "
            f"(saved with {facts['version']}): {error}"
        ) from error


def _restore_text(component: Component, facts: Mapping[str, Any], folder: SavedFolder) -> None:
    """Set ``vocabulary_`` and ``pipeline_`` where the model has them."""
    from nlmkit.saving import require, require_array
    from nlmkit.text import TextPipeline, Vocabulary
    from nlmkit.text.vocabulary import SPECIAL

    words, pipeline = folder.vocabulary, facts["pipeline"]
    if isinstance(component, LanguageModel):
        require(words is not None, "a language model without a vocabulary; save the model again")
        require(pipeline is not None, "a language model without a text pipeline; save the model again")
    if words is not None:
        counts = require_array(folder.arrays, _COUNTS, dtype="int64", shape=(len(words),))
        require(tuple(words[: len(SPECIAL)]) == SPECIAL, f"the vocabulary does not begin with {', '.join(SPECIAL)}")
        try:
            component.vocabulary_ = Vocabulary(words[len(SPECIAL) :], counts)
        except DataError as error:
            raise SavedModelError(str(error)) from error
    if pipeline is not None:
        component.pipeline_ = TextPipeline.from_dict(pipeline)


def _without_counts(folder: SavedFolder) -> Mapping[str, NDArray[Any]]:
    """The arrays that the component itself gave to be saved; they still know their file."""
    from nlmkit.saving.tensors import StoredArrays

    assert isinstance(folder.arrays, StoredArrays)
    return StoredArrays({name: array for name, array in folder.arrays.items() if name != _COUNTS}, folder.arrays.file)
