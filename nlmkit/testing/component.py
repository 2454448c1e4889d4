"""The checks that every kind of component shares."""

from __future__ import annotations

import abc
import copy
import dataclasses
import functools
import json
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.core import storage as models
from nlmkit.core.component import Component
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError, NotFittedError
from nlmkit.saving.hashing import arrays_sha256
from nlmkit.saving.state import FittedState
from nlmkit.saving.strict_json import StrictJSONError, parse, serialise
from nlmkit.testing.checks import Check, ConformanceError, check_in, require, require_close, require_error
from nlmkit.testing.registration import declarations_of, registered

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEAVY = """
gensim jax jieba nltk numpy pandas sacrebleu scipy sklearn spacy tensorflow tokenizers torch transformers
"""
HEAVY = frozenset(_HEAVY.split())
"""Libraries that a component's module may import only when something is fitted, loaded or scored."""

CHECKS: list[Check] = []


class Subject(abc.ABC):
    """A configured, unfitted component under test, with what its kind fits and scores it on.

    Args:
        component: What its author configured. It is never fitted itself: the checks fit copies.
        tolerance: How far two results may be apart that ought to be equal; 0 wants them equal.
        sum_tolerance: How far the sum of a distribution may be from one.
    """

    def __init__(self, component: Component, *, tolerance: float, sum_tolerance: float) -> None:
        self.component = component
        self.tolerance = tolerance
        self.sum_tolerance = sum_tolerance

    @property
    def cls(self) -> type[Component]:
        """The component's class."""
        return type(self.component)

    def clone(self) -> Component:
        """An unfitted component with equal hyper-parameters, which shares no part with another clone."""
        return self.cls(**copy.deepcopy(self.component.get_params()))

    @functools.cached_property
    def fitted(self) -> Component:
        """A copy fitted on the kind's training data, which no check may change."""
        return self.fit(self.clone())

    @functools.cached_property
    def reloaded(self) -> Component:
        """The fitted copy, saved and loaded."""
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        with registered(self.cls):
            self.fitted.save(Path(folder) / "model")
            return models.load(Path(folder) / "model")

    def fit(self, component: Component, *, other: bool = False, **options: Any) -> Component:
        """Fit ``component`` on training data (or on other data) and return it, whatever its ``fit`` returns."""
        data, named = self.training(other=other)
        fit: Callable[..., object] = component.fit
        fit(*data, **named, **options)
        return component

    @abc.abstractmethod
    def training(self, *, other: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Fresh arguments of ``fit``."""

    @abc.abstractmethod
    def results(self, component: Component) -> NDArray[np.float64]:
        """What a fitted component computes of the kind's test data."""

    @abc.abstractmethod
    def uses(self, component: Component) -> Mapping[str, Callable[[], object]]:
        """Return the calls that require a fitted component, by name, except saving."""

    @abc.abstractmethod
    def inputs(self) -> Iterable[tuple[str, Any, Callable[[], object]]]:
        """What takes data: its name, fresh data, and a function that passes just these to a component."""

    @abc.abstractmethod
    def score(self, component: Component) -> object:
        """The score on the kind's test data."""


def require_equal_states(found: Component, expected: Component, what: str) -> None:
    """Raise ConformanceError unless two fitted components have the same fitted state to the byte."""
    states = [component.fitted_state() for component in (found, expected)]
    names = [sorted(state.arrays) for state in states]
    require(names[0] == names[1], f"{what}: the arrays are {names[0]} and {names[1]}")
    for name in names[0]:
        one, two = (np.asarray(state.arrays[name]) for state in states)
        require(one.dtype.newbyteorder("=") == two.dtype.newbyteorder("="), f"{what}: {name} has another dtype")
        same = arrays_sha256({name: one}) == arrays_sha256({name: two})
        require(same, f"{what}: the array {name} has other bytes")
    metadata = [_plain(state.metadata) for state in states]
    differing = [key for key in metadata[0] | metadata[1] if metadata[0].get(key) != metadata[1].get(key)]
    require(not differing, f"{what}: the metadata differ in {', '.join(differing)}")
    for name in ("vocabulary_", "pipeline_"):
        require(getattr(found, name, None) == getattr(expected, name, None), f"{what}: {name} differs")
    vocabularies = [getattr(component, "vocabulary_", None) for component in (found, expected)]
    counts = [[] if vocabulary is None else vocabulary.counts.tolist() for vocabulary in vocabularies]
    require(counts[0] == counts[1], f"{what}: the vocabulary's counts differ")
    require(found.digest == expected.digest, f"{what}: the digests differ")


def _plain(value: Any) -> Any:
    """Metadata as JSON gives them back."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


# ------------------------------------------------------------------------------------------------- declaration


@check_in(CHECKS)
def class_has_a_summary(subject: Subject) -> None:
    """The first line of the class's docstring says what the component is; ``nlmkit list`` and ``show`` print it."""
    summary = subject.cls.summary()
    require(summary, f"{subject.cls.__name__} has no docstring")
    # A dataclass without a docstring gets its signature as one.
    require(not summary.startswith(f"{subject.cls.__name__}("), f"{subject.cls.__name__} has no docstring of its own")


@check_in(CHECKS)
def hyper_parameters_have_help(subject: Subject) -> None:
    """Every hyper-parameter has one line of help, which ``nlmkit show`` prints."""
    for name, declared in subject.cls.hyper_parameters().items():
        require(declared.help.strip(), f"{name} has no help")
        require("\n" not in declared.help, f"the help of {name} has several lines")


@check_in(CHECKS)
def default_hyper_parameters_are_valid(subject: Subject) -> None:
    """A component can be made without arguments: every default has the declared type and lies within the bounds."""
    for name, declared in subject.cls.hyper_parameters().items():
        try:
            declared.check(declared.default)
        except HyperParameterError as error:
            raise ConformanceError(f"the default of {name} is refused: {error}") from error
    subject.cls()


def _components_in(value: Any) -> Iterator[Component]:
    """The components that a hyper-parameter's value is or holds."""
    if isinstance(value, Component):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _components_in(item)


def _has_no_fitted_part(subject: Subject) -> bool:
    values = subject.component.get_params().values()
    return not any(part.is_fitted for value in values for part in _components_in(value))


@check_in(CHECKS, when=_has_no_fitted_part)
def hyper_parameters_round_trip_through_json(subject: Subject) -> None:
    """The constructor takes back what ``params_as_json`` gives, after it has been JSON, and nothing is lost.

    A fitted component among them is more than JSON can say; then this is not checked.
    """
    text = json.dumps(subject.component.params_as_json(), allow_nan=False)
    again = subject.cls(**json.loads(text)).get_params()
    for name, value in subject.component.get_params().items():
        require(name in again, f"{name} is lost")
        same = again[name] == value and type(again[name]) is type(value)
        require(same, f"{name} is {value!r}, but read from JSON it is {again[name]!r}")


@check_in(CHECKS)
def unknown_hyper_parameters_are_refused(subject: Subject) -> None:
    """A name that is no hyper-parameter raises HyperParameterError: in the constructor, set_params and assignment."""
    wrong = "no_such_hyper_parameter"
    require_error(HyperParameterError, lambda: subject.cls(**{wrong: 1}), f"{subject.cls.__name__}({wrong}=1)")
    require_error(HyperParameterError, lambda: subject.clone().set_params(**{wrong: 1}), f"set_params({wrong}=1)")
    require_error(HyperParameterError, lambda: setattr(subject.clone(), wrong, 1), f"assigning to {wrong}")


@check_in(CHECKS)
def hyper_parameters_are_kept_as_given(subject: Subject) -> None:
    """``get_params`` returns the same objects that the constructor and ``set_params`` took, as scikit-learn wants."""
    given = {name: copy.deepcopy(value) for name, value in subject.component.get_params(deep=False).items()}
    for how, clone in (
        ("the constructor", subject.cls(**given)),
        ("set_params", subject.cls().set_params(**given)),
    ):
        kept = clone.get_params(deep=False)
        require(kept.keys() == given.keys(), f"get_params returns {sorted(kept)} after {how} took {sorted(given)}")
        for name, value in given.items():
            require(kept[name] is value, f"{name} is not the object {value!r} that {how} took, but {kept[name]!r}")


@check_in(CHECKS)
def name_is_the_registered_one(subject: Subject) -> None:
    """Where an installed package declares the class, it does so under the class's own name and kind."""
    cls = subject.cls
    for entry in declarations_of(cls):
        declared = f"{cls.__name__} is the {cls.kind} {cls.name!r} and is declared as {entry.kind} {entry.name!r}"
        require((entry.kind, entry.name) == (cls.kind, cls.name), declared)


@check_in(CHECKS)
def import_is_light(subject: Subject) -> None:
    """Importing the component's module imports no heavy library, so that listing plugins stays fast.

    A module that imports this kit is a test, which nothing lists; it may import what it likes.
    """
    heavy = _heavy_imports(subject.cls.__module__, json.dumps(sys.path))
    require(
        not heavy, f"importing {subject.cls.__module__} imports {', '.join(heavy)}: import them where they are used"
    )


@functools.cache
def _heavy_imports(module: str, path: str) -> tuple[str, ...]:
    """Heavy libraries that ``module`` imports in a fresh interpreter; none where it cannot be imported by name."""
    if module == "__main__":
        return ()
    run = subprocess.run(
        [sys.executable, "-c", _IMPORT, module, path], capture_output=True, encoding="utf-8", check=False, timeout=120
    )
    last = (run.stdout.splitlines() or [""])[-1]
    if run.returncode or not last.startswith("["):
        problem = (run.stderr.splitlines() or [f"exit code {run.returncode}"])[-1]
        raise ConformanceError(f"{module} cannot be imported in a fresh interpreter: {problem}")
    imported = set(json.loads(last))
    return () if "nlmkit.testing" in imported else tuple(sorted(HEAVY & imported))


# A class may also live in a file that pytest imported under a name of its own; there is nothing to measure then.
_IMPORT = """
import importlib, json, sys
module = sys.argv[1]
sys.path[:] = json.loads(sys.argv[2])
before = set(sys.modules)
try:
    importlib.import_module(module)
except ModuleNotFoundError as error:
    if not (module + ".").startswith(f"{error.name}."):
        raise
print()
print(json.dumps(sorted(set(sys.modules) - before)))
"""


# ----------------------------------------------------------------------------------------------------- fitting


@check_in(CHECKS)
def unfitted_use_is_refused(subject: Subject) -> None:
    """Whatever needs a fitted component raises NotFittedError before ``fit``, and saving writes nothing."""
    component = subject.clone()
    require(not component.is_fitted, "a new component reports that it is fitted: only fit may set names ending in _")
    for name, use in subject.uses(component).items():
        require_error(NotFittedError, use, f"{name} of an unfitted {subject.cls.__name__}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        require_error(NotFittedError, lambda: component.save(path), f"save of an unfitted {subject.cls.__name__}")
        require(not path.exists(), "saving an unfitted component leaves files behind")


@check_in(CHECKS)
def fit_returns_self(subject: Subject) -> None:
    """``fit`` returns the component itself."""
    component = subject.clone()
    data, named = subject.training()
    fit: Callable[..., object] = component.fit
    returned = fit(*data, **named)
    require(returned is component, f"fit returns {type(returned).__name__}, not the component itself")


@check_in(CHECKS)
def fitted_state_ends_in_an_underscore(subject: Subject) -> None:
    """``fit`` sets only attributes whose names end in an underscore (private ones begin with one)."""
    new = set(vars(subject.fitted)) - set(vars(subject.clone()))
    wrong = sorted(name for name in new if not (name.endswith("_") or name.startswith("_")))
    require(not wrong, f"fit sets {', '.join(wrong)}: the names of fitted state end in an underscore")
    require(subject.fitted.is_fitted, "fit sets no attribute whose name ends in an underscore")


@check_in(CHECKS)
def fit_keeps_hyper_parameters(subject: Subject) -> None:
    """``fit`` leaves every hyper-parameter as it was set, a component among them unfitted if it was unfitted."""
    after = subject.fitted.get_params()
    for name, value in subject.component.get_params().items():
        same = after[name] == value and type(after[name]) is type(value)
        require(same, f"fit changes {name} from {value!r} to {after[name]!r}")
        parts = zip(_components_in(value), _components_in(after[name]), strict=True)
        same = all(one.is_fitted == two.is_fitted for one, two in parts)
        require(same, f"fit fits {name} itself; fit a copy, and keep that in a fitted attribute")


@check_in(CHECKS)
def inputs_are_not_changed(subject: Subject) -> None:
    """Neither fitting nor scoring changes the data passed in."""
    for name, given, use in subject.inputs():
        before = _snapshot(given)
        use()
        require(_snapshot(given) == before, f"{name} changes the data passed to it")


def _snapshot(value: Any) -> Any:
    """A copy of data that can be compared."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [_snapshot(getattr(value, field.name)) for field in dataclasses.fields(value)]
    return [_snapshot(item) for item in value] if isinstance(value, (list, tuple)) else value


@check_in(CHECKS)
def fit_is_reproducible(subject: Subject) -> None:
    """Fitting twice with equal hyper-parameters, seed included, on equal data gives the same bytes."""
    again = subject.fit(subject.clone())
    require_equal_states(again, subject.fitted, "two fits of equal components on equal data")


@check_in(CHECKS)
def fit_forgets_the_previous_fit(subject: Subject) -> None:
    """Fitting a fitted component again gives what a new one gives."""
    again = subject.fit(subject.fit(subject.clone(), other=True))
    require_equal_states(again, subject.fitted, "a component fitted again, and a new one")
    extra = sorted(name for name in set(vars(again)) - set(vars(subject.fitted)) if not name.startswith("_"))
    require(not extra, f"a component that is fitted again keeps {', '.join(extra)} of its first fit")


@check_in(CHECKS)
def run_options_do_not_change_the_model(subject: Subject) -> None:
    """``fit`` takes run options, and whether somebody watches the progress makes no difference to the model."""
    watched = subject.fit(subject.clone(), run=RunOptions(progress=_Watcher()))
    require_equal_states(watched, subject.fitted, "a fit with progress, and one without")


class _Watcher:
    """Looks at progress as the command line does."""

    def start(self, description: str, total: float | None = None) -> None:
        require(description.strip(), "fit announces a stage without a description")
        require(total is None or total >= 0, f"fit announces a stage of size {total}")

    def advance(self, amount: float) -> None:
        require(amount >= 0, f"fit reports progress of {amount}")


@check_in(CHECKS)
def score_is_a_float(subject: Subject) -> None:
    """``score`` returns one float."""
    score = subject.score(subject.fitted)
    require(isinstance(score, float), f"score returns {type(score).__name__}: {score!r}")


# ------------------------------------------------------------------------------------------------------ saving


@check_in(CHECKS)
def fitted_state_is_arrays_and_json(subject: Subject) -> None:
    """``fitted_state`` is named NumPy arrays that safetensors can hold, and metadata that strict JSON can hold."""
    state = subject.fitted.fitted_state()
    require(isinstance(state, FittedState), f"fitted_state returns {type(state).__name__}")
    for name, array in state.arrays.items():
        require(isinstance(array, np.ndarray), f"{name} is {type(array).__name__}, not a NumPy array")
    arrays_sha256(state.arrays)
    try:
        again = parse(serialise(dict(state.metadata)))
    except StrictJSONError as error:
        raise ConformanceError(f"the metadata cannot be JSON: {error}") from error
    require(again == _plain(state.metadata), "the metadata are not the same after they have been JSON")


@check_in(CHECKS)
def saved_and_loaded_results_are_equal(subject: Subject) -> None:
    """A component that has been saved and loaded computes exactly what it computed before."""
    require(type(subject.reloaded) is subject.cls, f"loading returns a {type(subject.reloaded).__name__}")
    before, after = subject.results(subject.fitted), subject.results(subject.reloaded)
    require_close(after, before, 0, "results after loading and before saving")


@check_in(CHECKS)
def saved_and_loaded_state_is_equal(subject: Subject) -> None:
    """A component that has been saved and loaded has the same fitted state, vocabulary, text pipeline and digest."""
    require_equal_states(subject.reloaded, subject.fitted, "a loaded component, and the saved one")


@check_in(CHECKS)
def saved_and_loaded_hyper_parameters_are_equal(subject: Subject) -> None:
    """A component that has been saved and loaded has the hyper-parameters that it had."""
    after = subject.reloaded.get_params()
    for name, value in subject.fitted.get_params().items():
        require(after[name] == value, f"{name} is {value!r} before saving and {after[name]!r} after loading")


@check_in(CHECKS)
def saved_model_can_be_moved(subject: Subject) -> None:
    """A saved model is its folder alone: moved elsewhere, it loads and computes the same."""
    before = subject.results(subject.reloaded)
    with registered(subject.cls), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        there, here = Path(folder) / "there" / "model", Path(folder) / "here" / "moved"
        # A model that has not been loaded is moved: on Windows what is memory-mapped stays where it is.
        subject.fitted.save(there)
        here.parent.mkdir()
        there.rename(here)
        shutil.rmtree(there.parent)
        after = subject.results(models.load(here))
        require_close(after, before, 0, "results after and before the folder was moved")
