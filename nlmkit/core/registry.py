"""Registry: names of components and tokenizers to classes, from the entry points of nlmkit and plugins.

A distribution declares a component in its metadata::

    [project.entry-points."nlmkit.language_models"]
    mine = "my_package:MyModel"

Listing reads that metadata and imports nothing. A name is imported when it is asked for, and whatever goes wrong
then is one ``PluginError`` about that name and disturbs no other.

* Component names are unique across the kinds of components; tokenizers have their own.
* A built-in wins over a plugin that claims its name; the plugin's is reached as ``distribution:name``.
* Of two plugins with one name, each is reached as ``distribution:name`` and neither by the bare name.
* The environment variable ``NLMKIT_PLUGINS`` allows only the distributions that it names, separated by commas;
  empty, it turns every plugin off.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.contract import API_VERSION
from nlmkit.core.entries import Entry
from nlmkit.core.guesses import what_is_meant
from nlmkit.core.kinds import KINDS, kind_of
from nlmkit.core.suggestions import suggestion
from nlmkit.errors import PluginError, UnknownComponentError

if TYPE_CHECKING:
    from nlmkit.text.tokenizers import Tokenizer

TOKENIZER: Final = "tokenizer"
"""What declarations of tokenizers have for their kind."""

GROUPS: Final = {**{kind.group: kind.name for kind in KINDS}, "nlmkit.tokenizers": TOKENIZER}
"""Entry-point groups and the kind of what they declare, in the order of listing."""

SWITCH: Final = "NLMKIT_PLUGINS"
"""Environment variable that chooses the allowed plugin distributions."""

NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
"""What names of components and of distributions (PEP 508) look like."""

_HOME: Final = "nlmkit"
_GROUP_OF: Final = {kind: group for group, kind in GROUPS.items()}
_TARGET: Final = re.compile(r"\w+(?:\.\w+)*\s*:\s*\w+(?:\.\w+)*")
_NOT_INSTALLED: Final = (
    "nlmkit runs from a source tree without being installed, so its own components are not registered: "
    "run pip install -e . in that tree"
)


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """Result of ``nlmkit plugins check`` for one declaration.

    Attributes:
        name: The shortest name that leads there.
        kind: Kind of the declaration, ``distribution`` where a package's metadata as a whole is unusable.
        distribution: Package that declares it.
        version: Version of that package.
        ok: Whether it can be used.
        reason: Why not; for a usable one a remark on its name, or nothing.
    """

    name: str
    kind: str
    distribution: str
    version: str
    ok: bool
    reason: str


def entries() -> list[Entry]:
    """Return the declarations of all installed distributions, built-ins first, without importing them."""
    declared, _ = _scan()
    return _with_notes(entry for entry in declared if _is_allowed(entry.distribution))


def get(name: str, *, distribution: str | None = None) -> type[Any]:
    """Return the component class named ``name``.

    Args:
        name: A component's name, or ``distribution:name``.
        distribution: Take it from this distribution only, as a saved model does.

    Raises:
        UnknownComponentError: no such component, or the distribution is not installed.
        PluginError: it is declared and cannot be used, or the bare name is claimed by two plugins.
    """
    return _component(_resolve(name, distribution, tokenizers=False))


def get_tokenizer(name: str) -> Tokenizer:
    """Return a new instance of the tokenizer named ``name`` (or ``distribution:name``).

    A plugin's class needs only ``tokenize``; without ``detokenize`` its words are joined by spaces.

    Raises:
        UnknownComponentError: no such tokenizer.
        PluginError: it is declared and cannot be used, or the bare name is claimed by two plugins.
    """
    return _tokenizer(_resolve(name, None, tokenizers=True))


def tokenizer_entry(name: str) -> Entry:
    """Return the declaration of a tokenizer by name, without importing it.

    Args:
        name: A tokenizer's name, or ``distribution:name``.

    Raises:
        UnknownComponentError: no such tokenizer.
        PluginError: the bare name is claimed by two plugins.
    """
    return _resolve(name, None, tokenizers=True)


def entry_of(cls: type[Any]) -> Entry:
    """Return the declaration of ``cls``.

    Raises:
        PluginError: no installed distribution declares the class, so that a saved model could not find it again.
    """
    kind, name = getattr(cls, "kind", None), getattr(cls, "name", None)
    for entry in entries():
        if (entry.kind, entry.name) == (kind, name):
            with contextlib.suppress(PluginError):
                if _component(entry) is cls:
                    return entry
    if cls.__module__.partition(".")[0] == _HOME and not is_installed():
        raise PluginError(_NOT_INSTALLED)
    group = _GROUP_OF.get(str(kind), "nlmkit.language_models")
    raise PluginError(
        f"{cls.__name__} is not registered, so nothing could load it again: declare "
        f'{name or "NAME"} = "{cls.__module__}:{cls.__qualname__}" under [project.entry-points."{group}"] '
        "of an installed package"
    )


def check(name: str | None = None) -> list[CheckResult]:
    """Import all declarations and return whether each can be used.

    Args:
        name: A component, a tokenizer, ``distribution:name`` or a distribution; all declarations when left out.

    Raises:
        UnknownComponentError: nothing is called ``name``.
    """
    declared, problems = _scan()
    allowed = _with_notes(entry for entry in declared if _is_allowed(entry.distribution))
    problems = [problem for problem in problems if _is_allowed(problem.distribution)]
    if not is_installed():
        problems.append(CheckResult(_HOME, "distribution", _HOME, "", False, _NOT_INSTALLED))
    if name is not None:
        package, _, bare = name.rpartition(":")
        of_package = {_canonical(name)} if not package else set()
        problems = [problem for problem in problems if _canonical(problem.distribution) in of_package]
        wanted = [entry for entry in allowed if entry.name == bare and _is_from(entry, package or None)]
        wanted += [entry for entry in allowed if _canonical(entry.distribution) in of_package and entry not in wanted]
        if not (wanted or problems):
            raise _unknown(bare, package or None, allowed, "component")
        allowed = wanted
    return problems + [_checked(entry) for entry in allowed]


def is_installed() -> bool:
    """Return whether nlmkit's own declarations are there; they are not in a source tree that was never installed."""
    return any(entry.builtin for entry in _scan()[0])


# ---------------------------------------------------------------------------------------------- what is declared


@contextlib.contextmanager
def scanned_once() -> Iterator[None]:
    """Cache the metadata of packages during the body, in which no package is installed.

    Without it they are read at each call, since a package may have been installed since the one before. A folder that
    is put on ``sys.path`` within counts.
    """
    mark = _scans.set({} if _scans.get() is None else _scans.get())
    try:
        yield
    finally:
        _scans.reset(mark)


_Scan = tuple[list[Entry], list[CheckResult]]
_scans: contextvars.ContextVar[dict[tuple[str, ...], _Scan] | None] = contextvars.ContextVar(
    "nlmkit-scans", default=None
)


def _scan() -> _Scan:
    """Return the declarations of all distributions, allowed or not, and faults of their metadata."""
    known, path = _scans.get(), tuple(sys.path)
    if known is None:
        return _read_metadata()
    if path not in known:
        known[path] = _read_metadata()
    found, problems = known[path]
    return list(found), list(problems)


def _read_metadata() -> _Scan:
    found: list[Entry] = []
    problems: list[CheckResult] = []
    for name, version, distribution in _distributions():
        try:
            points = [point for point in distribution.entry_points if point.group.startswith("nlmkit.")]
        except Exception as error:
            reason = f"its entry_points.txt cannot be read: {_one_line(error)}"
            problems.append(CheckResult(name, "distribution", name, version, False, reason))
            continue
        for point in points:
            kind = GROUPS.get(point.group)
            if kind is not None and NAME.fullmatch(point.name):
                found.append(Entry(point.name, kind, point.value, name, version, _canonical(name) == _HOME))
                continue
            if kind is None:
                reason = f"there is no entry-point group {point.group!r}{suggestion(point.group, GROUPS)}"
            else:
                reason = f"the name {point.name!r} must consist of letters, digits and . _ -"
            address = f"{name}:{_one_line(point.name)}"
            problems.append(CheckResult(address, kind or "distribution", name, version, False, reason))
    order = list(GROUPS.values())
    found.sort(key=lambda entry: (not entry.builtin, order.index(entry.kind), entry.name, entry.distribution))
    return list(dict.fromkeys(found)), problems


def _distributions() -> Iterator[tuple[str, str, metadata.Distribution]]:
    """Yield name, version and metadata of every distribution that mentions nlmkit, each once.

    An editable install can be on ``sys.path`` twice; the first counts, as it does for Python. A package without
    readable metadata has no name to be listed under and is left out.
    """
    seen: set[str] = set()
    for candidate in metadata.distributions():
        try:
            if "nlmkit." not in (candidate.read_text("entry_points.txt") or ""):
                continue
            name = _fact(candidate, "Name")
            distribution = _first_on_path(name) or candidate
            version = _fact(distribution, "Version")
        except (OSError, ValueError):
            continue
        if NAME.fullmatch(name) and _canonical(name) not in seen:
            seen.add(_canonical(name))
            yield name, version or "unknown", distribution


def _fact(distribution: metadata.Distribution, field: str) -> str:
    return _one_line((distribution.metadata.get_all(field) or [""])[0])


def _first_on_path(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _is_allowed(distribution: str) -> bool:
    allowed = os.environ.get(SWITCH)
    name = _canonical(distribution)
    return allowed is None or name == _HOME or name in map(_canonical, allowed.split(","))


def _with_notes(declared: Iterable[Entry]) -> list[Entry]:
    """Mark each entry whose bare name is taken by another one."""
    declared = list(declared)
    claims: dict[tuple[bool, str], list[Entry]] = defaultdict(list)
    for entry in declared:
        claims[entry.kind == TOKENIZER, entry.name].append(entry)
    noted = []
    for entry in declared:
        rivals = [other for other in claims[entry.kind == TOKENIZER, entry.name] if other is not entry]
        if any(rival.distribution == entry.distribution for rival in rivals):
            note = f"{entry.distribution} declares {entry.name} twice"
        elif entry.builtin or not rivals:
            note = ""
        elif any(rival.builtin for rival in rivals):
            note = f"the built-in {entry.name} wins: say {entry.qualified_name}"
        else:
            others = ", ".join(rival.distribution for rival in rivals)
            note = f"{others} also has a {entry.name}: say {entry.qualified_name}"
        noted.append(dataclasses.replace(entry, note=note))
    return noted


# ---------------------------------------------------------------------------------------------- from name to entry


def _resolve(name: str, distribution: str | None, *, tokenizers: bool) -> Entry:
    package, _, bare = name.rpartition(":")
    distribution = distribution or package or None
    space = [entry for entry in entries() if (entry.kind == TOKENIZER) == tokenizers]
    found = [entry for entry in space if entry.name == bare and _is_from(entry, distribution)]
    if distribution is None and len(builtin := [entry for entry in found if entry.builtin]) == 1:
        return builtin[0]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _unknown(bare, distribution, space, TOKENIZER if tokenizers else "component")
    packages = {entry.distribution for entry in found}
    if len(packages) < len(found):
        kinds = " and as ".join(dict.fromkeys(entry.kind for entry in found))
        raise PluginError(
            f"{found[0].distribution} declares the name {bare!r} twice (as {kinds}), but names must be unique across "
            "kinds: report it to the package's author"
        )
    choices = " or ".join(sorted(entry.qualified_name for entry in found))
    raise PluginError(f"{len(packages)} plugins have the name {bare!r}: say {choices}")


def _unknown(bare: str, distribution: str | None, space: list[Entry], what: str) -> UnknownComponentError:
    """Return the error for an unknown name, with the most likely reason."""
    declared, problems = _scan()
    for entry in declared:
        same_space = (entry.kind == TOKENIZER) == (what == TOKENIZER)
        if same_space and entry.name == bare and _is_from(entry, distribution) and not _is_allowed(entry.distribution):
            return UnknownComponentError(
                f"{what} {bare!r} is in the package {entry.distribution}, which {SWITCH} turns off: "
                f"add {entry.distribution} to {SWITCH} or unset it"
            )
    home_wanted = distribution is None or _canonical(distribution) == _HOME
    if home_wanted and not any(entry.builtin for entry in declared):
        return UnknownComponentError(f"no {what} named {bare!r}: {_NOT_INSTALLED}")
    if distribution is None:
        known = {entry.address for entry in space}
        listed = f"; known: {', '.join(sorted(known))} (a plugin's are once its package is installed)" if known else ""
        remedy = what_is_meant(bare, what, entries()) or suggestion(bare, known) or listed
        return UnknownComponentError(f"no {what} named {bare!r}{remedy}")
    for problem in problems:
        if _canonical(problem.distribution) == _canonical(distribution):
            return UnknownComponentError(f"no {what} {bare!r} in the package {distribution}: {problem.reason}")
    installed = _first_on_path(distribution)
    if installed is None:
        return UnknownComponentError(
            f"{what} {bare!r} comes from the package {distribution}, which is not installed: pip install {distribution}"
        )
    own = [entry.name for entry in space if _is_from(entry, distribution)]
    return UnknownComponentError(
        f"the installed package {distribution} {installed.version} has no {what} {bare!r}{suggestion(bare, own)}"
    )


def _is_from(entry: Entry, distribution: str | None) -> bool:
    return distribution is None or _canonical(entry.distribution) == _canonical(distribution)


def _canonical(distribution: str) -> str:
    """Package names that differ by case, ``-``, ``_`` and ``.`` are one (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


# ---------------------------------------------------------------------------------------------- from entry to class


def _checked(entry: Entry) -> CheckResult:
    ok, reason = True, entry.note
    try:
        _resolve(entry.name, entry.distribution, tokenizers=entry.kind == TOKENIZER)  # declared once?
        if entry.kind == TOKENIZER:
            _tokenizer(entry)
        else:
            _instance(entry, _component(entry))
    except PluginError as error:
        ok, reason = False, str(error)
    return CheckResult(entry.address, entry.kind, entry.distribution, entry.version, ok, reason)


def _component(entry: Entry) -> type[Any]:
    found = _import(entry)
    if not (isinstance(found, type) and hasattr(found, "api_version")):
        raise _broken(entry, f"{entry.value} is not a subclass of nlmkit.Component")
    cls: type[Any] = found
    if cls.api_version != API_VERSION:
        raise _broken(
            entry,
            f"written for version {cls.api_version!r} of the component contract, this nlmkit has version "
            f"{API_VERSION}: install versions of {entry.distribution} and nlmkit that agree",
        )
    kind, name = getattr(cls, "kind", None), getattr(cls, "name", None)
    if kind != entry.kind:
        raise _broken(entry, f"{cls.__name__}.kind is {kind!r}, the entry-point group is for {entry.kind!r}")
    stated = kind_of(cls)
    if not issubclass(cls, stated.base_class()):
        raise _broken(entry, f"{cls.__name__} is not a subclass of nlmkit.{stated.base_name}")
    if name != entry.name:
        raise _broken(entry, f"{cls.__name__}.name is {name!r}, the entry point is named {entry.name!r}")
    try:
        declared = cls.hyper_parameters()
    except Exception as error:
        raise _broken(entry, f"its hyper-parameters are not declared correctly: {_one_line(error)}") from error
    for attribute, value in vars(cls).items():
        if isinstance(value, dataclasses.Field) and attribute not in declared:
            raise _broken(entry, f"{cls.__name__} is not decorated with @dataclass(kw_only=True)")
    return cls


def _tokenizer(entry: Entry) -> Tokenizer:
    cls = _import(entry)
    if not isinstance(cls, type):
        raise _broken(entry, f"{entry.value} is not a class")
    instance = _instance(entry, cls)
    if not callable(getattr(instance, "tokenize", None)):
        raise _broken(entry, f"{cls.__name__} has no method tokenize(line)")
    if getattr(instance, "name", entry.name) != entry.name:
        raise _broken(entry, f"{cls.__name__}.name is {instance.name!r}, the entry point is named {entry.name!r}")
    if not entry.builtin:  # whose first call may take longer than the command that only shows them
        with _blaming(entry, "tokenize fails"):
            words = instance.tokenize("a b")
        if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
            raise _broken(entry, f"{cls.__name__}.tokenize must return a list of str, not {_one_line(repr(words))}")
    if not callable(getattr(instance, "detokenize", None)):
        return _with_detokenize(instance, entry.name)
    tokenizer: Tokenizer = instance
    return tokenizer


def _with_detokenize(incomplete: Any, its_name: str) -> Tokenizer:
    """Return the tokenizer with the method that it lacks."""

    class Joining:
        __doc__ = type(incomplete).__doc__
        name: ClassVar[str] = its_name
        tokenize = staticmethod(incomplete.tokenize)

        def detokenize(self, tokens: Sequence[str]) -> str:
            return " ".join(tokens)

    complete = Joining()
    if hasattr(incomplete, "tokenize_lines"):
        vars(complete)["tokenize_lines"] = incomplete.tokenize_lines
    return complete


def _instance(entry: Entry, cls: type) -> Any:
    with _blaming(entry, f"{cls.__name__}() fails"):
        return cls()


def _import(entry: Entry) -> Any:
    target = entry.value.partition("[")[0].strip()
    if not _TARGET.fullmatch(target):
        raise _broken(entry, f"the entry point must be module:Class, not {entry.value!r}")
    with _blaming(entry, "its import fails"):
        return metadata.EntryPoint(entry.name, target, _GROUP_OF[entry.kind]).load()


@contextlib.contextmanager
def _blaming(entry: Entry, action: str) -> Iterator[None]:
    """Convert exceptions of foreign code to PluginError, and redirect its prints to stderr."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # also SystemExit, and what extension modules derive from BaseException
        raise _broken(entry, f"{action}: {_one_line(error)}") from error


def _broken(entry: Entry, reason: str) -> PluginError:
    what = f"built-in {entry.kind}" if entry.builtin else f"{entry.kind} plugin"
    return PluginError(f"{what} {entry.name!r} of {entry.distribution} {entry.version} cannot be used: {reason}")


def _one_line(what: BaseException | str) -> str:
    """Return an error's type and message in one printable line."""
    if isinstance(what, BaseException):
        try:
            message = str(what)
        except Exception:
            message = ""
        what = f"{type(what).__name__}: {message}" if message else type(what).__name__
    line = " ".join(what.split())
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)
    return shown if len(shown) <= 300 else shown[:299] + "…"
