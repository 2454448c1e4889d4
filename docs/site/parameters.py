"""Extension of Griffe: docstrings as the site needs them.

The help of a hyper-parameter, ``param(..., help=...)``, is its description. ``Example:`` is a section with code, and a
colon before a literal block is one colon.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import griffe


class Parameters(griffe.Extension):
    """Describe hyper-parameters by their declaration, and adapt docstrings to Markdown."""

    def on_attribute_instance(self, *, node: ast.AST | griffe.ObjectNode, attr: griffe.Attribute, **_: Any) -> None:
        """Give a field that is declared with ``param`` its help as docstring, and its default as value."""
        call = getattr(node, "value", None)
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "param"):
            return
        words = {keyword.arg: keyword.value for keyword in call.keywords}
        if "help" in words and attr.docstring is None:
            attr.docstring = griffe.Docstring(_text(words["help"]), parent=attr)
        if call.args:
            attr.value = ast.unparse(call.args[0])

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Adapt a docstring."""
        if obj.docstring is not None:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)


def _text(node: ast.expr) -> str:
    try:
        return str(ast.literal_eval(node))
    except ValueError:  # built from names
        return ast.unparse(node)
