"""Settings of a run from flags, the environment or a TOML file; and writing them as TOML."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from nlmkit.cli.output import note
from nlmkit.core.component import Component
from nlmkit.core.descriptions import built
from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError

PARAMETER_VARIABLE = "NLMKIT_P_"
"""Prefix of the environment variables that set hyper-parameters: ``NLMKIT_P_ORDER=5``."""

MAX_CONFIG_BYTES = 1 << 20
"""Maximum size of a file for ``--config``, which is parsed as a whole."""

_CONFIG = "nlmkit.config"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TABLES = ("fit", "params")


def split_pairs(ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Callback of ``-p key=value``: return texts by key; the last value of a repeated key applies.

    Raises:
        click.BadParameter: A pair has no ``=`` or no key.
    """
    split = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{pair!r} is not key=value, for example order=5", ctx=ctx, param=param)
        split[key.strip()] = value
    return split


def resolve_parameters(
    cls: type[Component], flags: Mapping[str, str], from_file: Mapping[str, Any], *, quiet: bool = False
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the hyper-parameter values for ``cls``: flag over environment over file (over the declared default).

    Returns:
        The values, and the source of each: ``flag``, ``environment`` or ``file``.

    Raises:
        HyperParameterError: A name is unknown or a value is invalid.
    """
    environment = _environment(cls, quiet)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, settings in (("file", from_file), ("environment", environment), ("flag", flags)):
        _refuse_unknown(cls, settings)
        for name, value in settings.items():
            values[name] = value if origin == "file" else _parse(value, cls, name)
            origins[name] = origin
    return values, origins


def _refuse_unknown(cls: type[Component], names: Iterable[str]) -> None:
    """Raise the component's error for unknown hyper-parameters, with a reference to ``nlmkit show`` if unhelpful."""
    try:
        cls.refuse_unknown(names)
    except HyperParameterError as error:
        if not str(error).endswith(tuple(f"has no hyper-parameter {name!r}" for name in names)):
            raise
        raise HyperParameterError(f"{error}: see nlmkit show {cls.name}") from None


def _environment(cls: type[Component], quiet: bool) -> dict[str, str]:
    known = {name.upper(): name for name in cls.hyper_parameters()}
    found = {}
    for variable, value in os.environ.items():
        upper = variable.removeprefix(PARAMETER_VARIABLE)
        if upper == variable or not value:  # an empty variable counts as unset
            continue
        if upper in known:
            found[known[upper]] = value
        elif not quiet:
            near = suggestion(upper, known).replace("mean ", f"mean {PARAMETER_VARIABLE}")
            note(f"{variable} is ignored: {cls.name} has no such hyper-parameter{near}")
    return found


def _parse(text: str, cls: type[Component], name: str) -> Any:
    """Parse a value as JSON, otherwise as a string; also as a string if only that is allowed (a file ``2024``)."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, str):
        return value
    declared = cls.hyper_parameters()[name]
    try:
        declared.check(built(value) if declared.takes_components else value)
    except HyperParameterError:
        try:
            declared.check(text)
        except HyperParameterError:
            return value  # the constructor complains about this one
        return text
    return value


def read_config(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, Any]:
    """Callback of ``--config``: use ``[fit]`` as defaults of the command's options, and return ``[params]``.

    Raises:
        DataError: The file is not TOML, or has an unknown table or key.
        OSError: The file cannot be read.
    """
    if value is None:
        return {}
    ctx.meta[_CONFIG] = value
    tables = _load_toml(value)
    for name in tables:
        if name not in _TABLES:
            raise DataError(f"unknown key {name!r}{suggestion(name, _TABLES)}; known: [fit], [params]", source=value)
    for name in _TABLES:
        if not isinstance(tables.get(name, {}), dict):
            raise DataError(f"{name} must be a table: [{name}]", source=value)
    settings = dict(tables.get("fit", {}))
    known = {other.name: other for other in ctx.command.params if other.name and _configurable(other)}
    for name, setting in settings.items():
        if name not in known:
            raise DataError(f"[fit] has an unknown key {name!r}{suggestion(name, known)}", source=value)
        if _takes_list(known[name]):
            settings[name] = tuple(setting) if isinstance(setting, list) else (setting,)
            kinds = (str,) if known[name].type is click.STRING else (str, int)  # a column has a name or a number
            if any(isinstance(each, bool) or not isinstance(each, kinds) for each in settings[name]):
                raise DataError(f"[fit] {name} must be a name or a list of names", source=value)
        elif isinstance(setting, (dict, list)):
            raise DataError(f"[fit] {name} must be one value", source=value)
        if getattr(known[name], "is_flag", False) and not isinstance(setting, (bool, str)):
            raise DataError(f"[fit] {name} must be true or false, not {setting!r}", source=value)
    ctx.default_map = {**(ctx.default_map or {}), **settings}
    parameters: dict[str, Any] = tables.get("params", {})
    return parameters


def config_path(ctx: click.Context) -> str | None:
    """Return the file that ``--config`` named."""
    path: str | None = ctx.meta.get(_CONFIG)
    return path


def _takes_list(param: click.Parameter) -> bool:
    return param.multiple or param.nargs == -1


def _configurable(param: click.Parameter) -> bool:
    return param.expose_value and param.name not in ("config", "write_config", "params", "as_json")


def _load_toml(path: str) -> dict[str, Any]:
    data = _read(path)
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError("not valid UTF-8", source=path, byte=error.start) from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"not TOML: {error}", source=path) from None
    except RecursionError:
        raise DataError("not TOML: its values are nested too deeply", source=path) from None
    except ValueError:  # Python's limit on the digits of an integer
        raise DataError("not TOML: a number has too many digits", source=path) from None


def _read(path: str) -> bytes:
    """Read a file of settings; pipes are allowed, devices are not."""
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and os.path.realpath(path) != os.devnull:
            raise DataError("is a device: expected a settings file", source=path)
        data = file.read(MAX_CONFIG_BYTES + 1)
    if len(data) > MAX_CONFIG_BYTES:
        raise DataError(f"larger than {MAX_CONFIG_BYTES} bytes: not a settings file", source=path)
    return data


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Format tables of plain values as TOML text.

    Raises:
        HyperParameterError: TOML cannot represent a value.
    """
    lines: list[str] = []
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{_key(key)} = {_value(value, key)}" for key, value in values.items()), ""]
    text = "\n".join(lines)
    if _SURROGATE.search(text):
        raise HyperParameterError("a name that is not valid Unicode cannot be written in TOML: rename the file")
    return text


def write_settings(path: str, toml: str, output: str | None) -> None:
    """Write a file for ``--config``; create its folder if that is the folder ``output`` of the future model.

    Raises:
        OSError: It cannot be written.
    """
    from nlmkit.saving.written import written

    file = Path(path)
    if output is not None and os.path.realpath(output) in map(str, Path(os.path.realpath(file)).parents):
        file.parent.mkdir(parents=True, exist_ok=True)
    with written(file) as stream:
        stream.write(toml.encode())


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    # JSON's escapes are valid TOML, except for DEL, which TOML requires to be escaped and JSON does not.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return "[" + ", ".join(_value(item, key) for item in value) + "]"
    raise HyperParameterError(f"{key} = {value!r} cannot be written in TOML: pass it with -p and drop the file")
