"""Hostile inputs, as hypothesis strategies: good inputs with a few things wrong, so that failures shrink."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

# What parsers trip over: marks, controls, separators, broken and overlong UTF-8, extreme numbers, nesting.
TOKENS: Sequence[bytes] = [
    *(b"\x00", b"\n", b"\r", b"\r\n", b"\t", b" ", b"\x0b", b"\x0c", b"\x1b[31m", b"\x7f", b'"', b"'", b"\\", b"#"),
    *(b"<s>", b"</s>", b"<unk>", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff", b"\x80", b"\xc0\xaf"),
    *(b"\xed\xa0\x80", b"\xf4\x90\x80\x80", "\u2028".encode(), "\u0085".encode(), "\u202e".encode()),
    *("马".encode(), "é".encode(), "e\u0301".encode(), "\u0301".encode() * 70, "👩\u200d🚀".encode()),
    *(b"0", b"-1", b"-0.0", b"1e308", b"1e400", b"-99", b"nan", b"inf", b"9" * 30, b"9" * 5000, b"0x10", b"1_0"),
    *(b"2147483648", b"9223372036854775808", b"null", b"true", b"{}", b"[]", b"[" * 200, b"{" * 200, b","),
    *(b"\\data\\\n", b"\\1-grams:\n", b"\\end\\\n", b"ngram 1=3\n", b"ngram 99=1\n"),
]

HOSTILE_JSON: Sequence[Any] = [
    *(None, True, False, 0, 1, -1, 2, 2**31, 2**63, 2**64, -(2**63), 10**30, 0.5, -0.0, 1e308, -1e308),
    *("", "x", "../x", "/dev/zero", "\x00", "\u202e", "nan", "1", "x" * 3000),
    *([], [None], [[]], [0] * 40, {}, {"": None}, {"a": {"a": {}}}),
]


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes], tokens: Sequence[bytes] = TOKENS) -> bytes:
    """One of ``seeds`` after at most five edits: bytes changed, cut, repeated, inserted, swapped in from another."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(0, 40)))
        match draw(st.integers(0, 7)):
            case 0:
                data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[to:]
            case 2:
                data = data[:to] + data[at:to] * draw(st.sampled_from([1, 2, 50])) + data[to:]
            case 3 | 4:
                data = data[:at] + draw(st.sampled_from(tokens)) + data[at:]
            case 5:
                data = data[:at] + draw(st.sampled_from(tokens)) + data[to:]
            case 6:
                other = draw(st.sampled_from(seeds))
                data = data[:at] + other[draw(st.integers(0, len(other))) :]
            case _:
                data = data[:at]
    return data


_NUMBER = re.compile(rb"(?<![^\s,:=])[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![^\s,}])")
_NUMBERS: Sequence[bytes] = [
    *(b"0", b"-0.0", b"1", b"-1", b"3", b"-3", b"7", b"-30", b"-99", b"-1e9", b"1e-300", b"1e-46", b"-1e-9"),
    *(b"1e38", b"-3.5e38", b"1e300", b"-1e308", b"1e400", b"-1e400", b"nan", b"-inf", b"+5", b"0x1p3", b"1_0", b""),
]


@st.composite
def number_changed(draw: st.DrawFn, data: bytes, *, keep: int = 0) -> bytes:
    """A text with one of its numbers changed, a little or for an extreme one; all else stays as it should be.

    Args:
        draw: Draws from strategies.
        data: The text.
        keep: Numbers at its beginning that are left alone, such as those of a header.
    """
    found = list(_NUMBER.finditer(data))[keep:]
    chosen = draw(st.sampled_from(found))
    value = float(chosen.group())
    near = [value + 0.01, value - 0.01, value + 1, value - 1, value * 2, value / 2, -value, value * 1e10]
    changed = draw(st.one_of(st.sampled_from(_NUMBERS), st.sampled_from(near).map(lambda each: b"%.7g" % each)))
    return data[: chosen.start()] + changed + data[chosen.end() :]


_PATTERNS: Sequence[bytes] = [
    *(struct.pack("<f", value) for value in (math.nan, math.inf, -math.inf, 3e38, -3e38, 0.0, -1.0, 1e-45, 2.5)),
    *(struct.pack("<d", value) for value in (math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0, 1.0, -1.0, 30.0)),
    *(struct.pack("<q", value) for value in (-1, 0, 1, 2**31, 2**62, -(2**63))),
    *(struct.pack("<i", value) for value in (-1, 0, 1, 2**31 - 1, -(2**31))),
]


@st.composite
def mutated_tensors(draw: st.DrawFn, data: bytes) -> bytes:
    """A safetensors file whose header is kept and some of whose values are replaced by extreme ones.

    In some of them a whole array is: of one value, or multiplied by one.
    """
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = {name: facts for name, facts in json.loads(data[8:begin]).items() if name != "__metadata__"}
    floating = sorted(name for name, facts in header.items() if facts["dtype"] in ("F32", "F64"))
    if floating and draw(st.booleans()):
        facts = header[draw(st.sampled_from(floating))]
        first, last = (begin + at for at in facts["data_offsets"])
        values = np.frombuffer(data[first:last], "<f4" if facts["dtype"] == "F32" else "<f8")
        factor = draw(st.sampled_from([0.0, -1.0, 1e3, -1e3, 1e10, 1e18, 1e30, 1e37]))
        with np.errstate(all="ignore"):
            values = values * values.dtype.type(factor) if draw(st.booleans()) else np.full_like(values, factor)
        return data[:first] + values.tobytes() + data[last:]
    for _ in range(draw(st.integers(1, 3))):
        pattern = draw(st.sampled_from(_PATTERNS))
        room = (len(data) - begin - len(pattern)) // 4
        if room >= 0:
            at = begin + 4 * draw(st.integers(0, room))
            data = data[:at] + pattern + data[at + len(pattern) :]
    return data


@st.composite
def mutated_json(draw: st.DrawFn, value: Any, *, spared: Sequence[str] = ()) -> Any:
    """``value`` after at most three edits of its tree: a node replaced, removed, or put in a list.

    Nothing under the keys ``spared`` of the top level is changed, so that readers come past their first checks.
    """
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value, spared))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        match draw(st.integers(0, 4)):
            case 0:
                del holder[key]
            case 1:
                holder[key] = [holder[key]]
            case 2:
                other, name = draw(st.sampled_from(places))
                holder[key] = json.loads(json.dumps(other[name])) if _has(other, name) else None
            case _:
                holder[key] = json.loads(json.dumps(draw(st.sampled_from(HOSTILE_JSON))))
    return value


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def _places(value: Any, spared: Sequence[str] = ()) -> Iterator[tuple[Any, Any]]:
    """Each node below ``value`` as its holder and key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        if key not in spared:
            yield value, key
            yield from _places(inner)
