"""The contract of every component: ``Component``.

A component is a ``@dataclass(kw_only=True)`` whose fields are its hyper-parameters. Fitted state lives in
attributes that end in an underscore. This module imports neither NumPy nor any model.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from nlmkit.contract import API_VERSION, MAX_NESTING
from nlmkit.core.notes import each_note_once, note, notes_of_fit
from nlmkit.core.parameters import HyperParameter, resolve_types, to_json
from nlmkit.core.progress import AUTO, watched
from nlmkit.core.run import RunOptions, shows_progress
from nlmkit.core.suggestions import suggestion
from nlmkit.errors import ExportError, HyperParameterError, NotFittedError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from nlmkit.saving.state import FittedState
    from nlmkit.text import TextPipeline, Tokenization, Vocabulary


class Component:
    """Base of every component, whatever its kind (:mod:`nlmkit.core.kinds`).

    A subclass is a ``@dataclass(kw_only=True)``, declares each hyper-parameter with ``param``,
    and implements ``fit``, ``score``, ``fitted_state`` and ``restore``.

    A hyper-parameter may be another component, or a tuple of them. ``fit`` leaves it alone and keeps what it fits
    itself in a fitted attribute; it is saved inside its owner's folder, fitted or not, and once its owner is fitted
    it must not be changed any more.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    api_version: ClassVar[int] = API_VERSION
    vocabulary_: Vocabulary
    pipeline_: TextPipeline
    fit_report_: Mapping[str, Any] = MappingProxyType({})
    """What ``fit`` says of itself, JSON-ready; ``notes``, a list, is shown to the user."""

    trains_in_steps: ClassVar[bool] = False
    """Whether ``fit`` heeds all of ``RunOptions``: device, budget, checkpoints and log."""

    takes_workers: ClassVar[bool] = False
    """Whether ``fit`` heeds ``RunOptions.workers``."""

    takes_memory: ClassVar[bool] = False
    """Whether ``fit`` heeds ``RunOptions.memory``, ``temporary_folder`` and ``engine``."""

    predicts_words: ClassVar[bool] = False
    """Whether the component gives every word of its vocabulary a probability, also words that its text lacks."""

    keeps_log: ClassVar[bool] = False
    """Whether ``fit`` writes ``RunOptions.log``, though it does not train in steps."""

    @property
    def tokenization_(self) -> Tokenization:
        """Tokenization of the model: the part of ``pipeline_`` required for reading any text."""
        return self.pipeline_.tokenization

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Let ``fit`` and ``export`` show their progress and ``fit`` log its notes, and keep the short ``repr``."""
        super().__init_subclass__(**keywords)
        if "fit" in vars(cls):
            cls.fit = _noted(shows_progress(cls.fit))  # type: ignore[method-assign]
        if callable(vars(cls).get("export")):
            cls.export = shows_progress(cls.export)  # type: ignore[method-assign]
        if "__repr__" not in vars(cls):
            # Else @dataclass would write one; that of a base stays.
            bases = (base for base in cls.__mro__[1:] if issubclass(base, Component) and "__repr__" in vars(base))
            cls.__repr__ = next(bases).__repr__  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **values: Any) -> Self:
        """Raise an error with a suggestion for unknown names, unlike the generated ``__init__``."""
        cls.refuse_unknown(values)
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        declared = self.hyper_parameters()
        if name in declared:
            if declared[name].takes_components:
                value = self._check_nesting(name, declared[name].check(_built(value)))
            else:
                value = declared[name].check(value)
            if name in vars(self) and not _unchanged(vars(self)[name], value):
                self._forget()  # what was fitted belongs to the old value
        elif name == "pipeline_" and value.needs_training:
            raise value.resolved_tokenizer.untrained()
        elif not (name.endswith("_") or name.startswith("_")):
            self.refuse_unknown([name])
        object.__setattr__(self, name, value)
        vars(self).pop("_digest", None)

    def _forget(self) -> None:
        """Drop the fitted state."""
        for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
            del vars(self)[name]

    def __repr__(self) -> str:
        """Return the hyper-parameters that differ from their defaults, and what the component was fitted to."""
        changed = (
            f"{name}={getattr(self, name)!r}"
            for name, declared in self.hyper_parameters().items()
            if name in vars(self) and getattr(self, name) != declared.default
        )
        call = f"{type(self).__name__}({', '.join(changed)})"
        if not self.is_fitted:
            return call
        facts = ["fitted"]
        if (vocabulary := getattr(self, "vocabulary_", None)) is not None:
            facts.append(f"{len(vocabulary)} words")
        if (classes := getattr(self, "classes_", None)) is not None:
            facts.append(f"{len(classes)} classes")
        if (tags := getattr(self, "tags_", None)) is not None:
            facts.append(f"{len(tags)} tags")
        return f"<{call}: {', '.join(facts)}>"

    @classmethod
    def refuse_unknown(cls, names: Iterable[str]) -> None:
        """Raise an error with a suggestion for unknown hyper-parameter names.

        Raises:
            HyperParameterError: there is one among them.
        """
        known = cls.hyper_parameters()
        for name in names:
            if name not in known:
                raise HyperParameterError(f"{cls.name} has no hyper-parameter {name!r}{suggestion(name, known)}")

    @classmethod
    def hyper_parameters(cls) -> Mapping[str, HyperParameter]:
        """Return the declared hyper-parameters by name, in the order of declaration."""
        return _declared(cast("Hashable", cls))  # mypy takes type[...] for unhashable

    def values_unless_given(self) -> dict[str, Any]:
        """Return the value of each hyper-parameter that was not set: its default, or that of the preset."""
        return {name: parameter.default for name, parameter in self.hyper_parameters().items()}

    def refuse_without_effect(self) -> None:
        """Raise an error for values without effect given the others; see ``param(needs=)``.

        Raises:
            HyperParameterError: with what it needs.
        """
        declared = self.hyper_parameters()
        for name, unset in self.values_unless_given().items():
            value, needs = getattr(self, name), declared[name].needs
            if needs is not None and value not in (declared[name].default, unset) and not needs.holds(self):
                raise HyperParameterError(f"{name}={value} has no effect: it needs {needs.words}")

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the hyper-parameters by name (scikit-learn API; ``deep`` is accepted for compatibility)."""
        return {name: getattr(self, name) for name in self.hyper_parameters()}

    def set_params(self, **values: Any) -> Self:
        """Set hyper-parameters by name and return self.

        ``representation__dimension=50`` is one of the component in ``representation``, as in scikit-learn; but in its
        place comes a new, unfitted one, since others may share it.

        Raises:
            HyperParameterError: A hyper-parameter is unknown, or a value is invalid.
        """
        self.refuse_unknown([name.partition("__")[0] for name in values])
        inner: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            own, nested, rest = name.partition("__")
            if nested:
                inner.setdefault(own, {})[rest] = value
            else:
                setattr(self, name, value)
        for name, changed in inner.items():
            member = getattr(self, name)
            if not isinstance(member, Component):
                raise HyperParameterError(
                    f"{name}={member!r} has no hyper-parameters of its own to set: {', '.join(changed)}"
                )
            setattr(self, name, type(member)(**member.get_params(deep=False)).set_params(**changed))
        return self

    def params_as_json(self) -> dict[str, Any]:
        """Return the hyper-parameters as JSON types, which the constructor accepts, except for fitted components."""
        return {name: to_json(value) for name, value in self.get_params().items()}

    def saved_params(self) -> dict[str, Any]:
        """``params_as_json`` without what a later release added and what has its default; see ``param(later=)``."""
        added = {name for name, about in self.hyper_parameters().items() if about.later}
        left_out = {name for name in added if getattr(self, name) == self.hyper_parameters()[name].default}
        return {name: value for name, value in self.params_as_json().items() if name not in left_out}

    def description(self) -> dict[str, Any]:
        """Return the component as JSON, for use as a hyper-parameter of another; without digest if not fitted."""
        return {
            "component": self.name,
            "hyper_parameters": self.saved_params(),
            "digest": self.digest if self.is_fitted else None,
        }

    def members(self) -> dict[str, Component]:
        """Return the components among the values of the hyper-parameters, by place; not those inside them.

        A place is the name of the hyper-parameter, then an index for each list that is entered: ``model``,
        ``models.0``.
        """
        return {
            place: member
            for name, value in self.get_params(deep=False).items()
            for place, member in _components_in(value, name)
        }

    def _check_nesting(self, name: str, value: Any) -> Any:
        """Return a value of the hyper-parameter ``name``; raise an error if it makes this a part of itself or nests
        too deeply.

        Raises:
            HyperParameterError: it would.
        """
        level = [member for _, member in _components_in(value, name)]
        for _ in range(MAX_NESTING - 1):
            if any(member is self for member in level):
                raise HyperParameterError(f"{name}: {self.name} cannot be a part of itself")
            level = [inner for member in level for inner in member.members().values()]
            if not level:
                return value
        raise HyperParameterError(f"{name}: more than {MAX_NESTING} components inside one another")

    @property
    def is_fitted(self) -> bool:
        """Whether fitted state is present."""
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def check_fitted(self) -> None:
        """Raise ``NotFittedError`` unless the component has been fitted or loaded."""
        if not self.is_fitted:
            raise NotFittedError(f"this {type(self).__name__} is not fitted: call fit, or load a saved model")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Estimate the component from data and return self."""
        raise NotImplementedError

    def score(self, data: Any) -> float:
        """Return the score: one number, higher is better."""
        raise NotImplementedError

    def export(self, path: str | os.PathLike[str], format: str | None = None, *, run: RunOptions | None = None) -> None:
        """Export the fitted component to a file for other programs; overridden by classes that support it.

        Args:
            path: The file.
            format: Of the file, where its name does not say.
            run: Progress.

        Raises:
            ExportError: no such format can hold it.
        """
        raise ExportError(f"{self.name} cannot be exported for other programs")

    def fitted_state(self) -> FittedState:
        """Return the fitted state as arrays and JSON, for saving."""
        raise NotImplementedError

    def restore(self, state: FittedState) -> None:
        """Set the fitted state from ``state``; check its structure, and raise SavedModelError if it is wrong."""
        raise NotImplementedError

    def restore_text(self, vocabulary: Vocabulary | None, pipeline: TextPipeline | None) -> None:
        """Set the fitted attributes that storage saves itself, before ``restore``.

        Args:
            vocabulary: ``vocabulary_``; None where the saved component had none.
            pipeline: ``pipeline_``; None where the saved component had none.
        """
        if vocabulary is not None:
            self.vocabulary_ = vocabulary
        if pipeline is not None:
            self.pipeline_ = pipeline

    @property
    def digest(self) -> str:
        """Return sixteen hex digits that identify the fitted component; equal before saving and after loading."""
        self.check_fitted()
        from nlmkit.core.parts import digest

        return digest(self)

    @property
    def known_digest(self) -> str | None:
        """Return the cached digest; None if the component changed since it was computed."""
        known: str | None = vars(self).get("_digest")
        return known

    def remember_digest(self, digest: str) -> None:
        """Keep the digest until the component changes."""
        object.__setattr__(self, "_digest", digest)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to the folder ``path``; ``load`` reads it back.

        Raises:
            NotFittedError: there is nothing to save yet.
            SavedModelError: the folder cannot be written or holds something else.
        """
        self.check_fitted()
        from nlmkit.core.parts import save

        with watched(AUTO) as display:
            if display is not None:
                display.start(f"saving to {os.fspath(path)}")
            save(self, Path(path))


def _unchanged(old: Any, new: Any) -> bool:
    """Return whether two values of a hyper-parameter are the same; of components, which ``==`` compares by their
    hyper-parameters alone, whether they are the same objects."""
    if old is new or not (isinstance(old, (Component, tuple)) and isinstance(new, (Component, tuple))):
        return bool(old is new or old == new)
    if isinstance(old, Component) or isinstance(new, Component):
        return False
    return len(old) == len(new) and all(map(_unchanged, old, new))


def _components_in(value: Any, place: str) -> Iterator[tuple[str, Component]]:
    if isinstance(value, Component):
        yield place, value
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _components_in(item, f"{place}.{index}")


def _built(value: Any) -> Any:
    """Return a value of a hyper-parameter that takes components, with those that JSON describes made."""
    from nlmkit.core.descriptions import built  # the registry, which a component without a description can do without

    return built(value)


def _noted(fit: Any) -> Any:
    """Raise an error for options without effect before ``fit``, and log the notes of ``fit_report_`` after it."""

    @functools.wraps(fit)
    def wrapper(self: Component, *args: Any, **kwargs: Any) -> Any:
        self.refuse_without_effect()
        given = getattr(kwargs.get("run"), "external", ())
        if given and not self.takes_memory:
            raise HyperParameterError(f"{', '.join(given)}: {self.name} is fitted in memory: omit them")
        with notes_of_fit() as outermost, each_note_once(vars(self).get("_said")):
            fitted = fit(self, *args, **kwargs)
            if outermost:
                report = self.fit_report_
                for text in report.get("notes", ()) if isinstance(report, Mapping) else ():
                    note(str(text))
        return fitted

    return wrapper


@functools.cache
def _declared(cls: type[Component]) -> Mapping[str, HyperParameter]:
    if not dataclasses.is_dataclass(cls):
        return {}
    hints = resolve_types(cls)
    declared = {}
    for field in dataclasses.fields(cls):
        about = field.metadata.get("nlmkit")
        if about is None:
            raise TypeError(f"{cls.__name__}.{field.name} must be declared with nlmkit.core.parameters.param")
        declared[field.name] = HyperParameter(
            field.name,
            hints[field.name],
            field.default,
            about["help"],
            about["bounds"],
            about["choices"],
            about.get("later", False),
            about.get("needs"),
        )
    return declared
