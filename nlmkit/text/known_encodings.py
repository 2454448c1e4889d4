"""Supported text encodings: those of Python's standard library only.

Asking Python for an encoding imports the module of that name, so a saved model or a setting must not choose it freely.
"""

from __future__ import annotations

import codecs
from encodings import normalize_encoding
from encodings.aliases import aliases

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import HyperParameterError

# fmt: off
_MODULES = frozenset([
    "ascii", "big5", "big5hkscs", "charmap", "euc_jis_2004", "euc_jisx0213", "euc_jp", "euc_kr", "gb18030",
    "gb2312", "gbk", "hp_roman8", "hz", "johab", "koi8_r", "koi8_t", "koi8_u", "kz1048", "latin_1", "mbcs", "oem",
    "palmos", "ptcp154", "shift_jis", "shift_jis_2004", "shift_jisx0213", "tis_620", "cp037", "cp1006", "cp1026",
    "cp1125", "cp1140", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "cp273", "cp424", "cp437", "cp500", "cp720", "cp737", "cp775", "cp850", "cp852", "cp855", "cp856", "cp857",
    "cp858", "cp860", "cp861", "cp862", "cp863", "cp864", "cp865", "cp866", "cp869", "cp874", "cp875", "cp932",
    "cp949", "cp950", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_3",
    "iso2022_jp_ext", "iso2022_kr", "iso8859_1", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14",
    "iso8859_15", "iso8859_16", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7",
    "iso8859_8", "iso8859_9", "mac_arabic", "mac_croatian", "mac_cyrillic", "mac_farsi", "mac_greek", "mac_iceland",
    "mac_latin2", "mac_roman", "mac_romanian", "mac_turkish", "utf_16", "utf_16_be", "utf_16_le", "utf_32",
    "utf_32_be", "utf_32_le", "utf_7", "utf_8", "utf_8_sig",
])
# fmt: on
"""The modules of `encodings` that decode the bytes of text files (mbcs and oem: on Windows)."""


def check_encoding(name: object) -> None:
    """Raise `HyperParameterError` unless ``name`` is that of an encoding in which text files are written."""
    message = f"unknown text encoding {name!r}"
    if isinstance(name, str) and name.isascii():
        normal = normalize_encoding(name).lower()
        found = aliases.get(normal) or aliases.get(normal.replace(".", "_")) or normal
        if found in _MODULES and _exists(name):
            return
        known = {*_MODULES, *(alias for alias, module in aliases.items() if module in _MODULES)}
        if found in _MODULES:
            message += ", which is not available on this system"
        else:
            message += suggestion(normal, known).replace("_", "-")
    raise HyperParameterError(f"{message}: use the name of a Python codec, such as utf-8, latin-1 or gb18030")


def _exists(name: str) -> bool:
    try:
        return codecs.lookup(name).incrementaldecoder is not None
    except (LookupError, ValueError):  # mbcs outside Windows; a name with NUL
        return False
