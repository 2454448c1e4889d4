"""Small correct tokenizers, and for each check one that breaks the promise it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from nlmkit.text import CharTokenizer, SpaceTokenizer, WordTokenizer


class Minimal:
    """All that a plugin has to bring: no name, no detokenize."""

    def tokenize(self, line: str) -> list[str]:
        return line.split()


class Lowercasing(SpaceTokenizer):
    """Changes characters, and says so."""

    lossless: ClassVar[bool] = False

    def tokenize(self, line: str) -> list[str]:
        return super().tokenize(line.lower())


class Subwords(WordTokenizer):
    """Marks the pieces that continue a word."""

    def tokenize(self, line: str) -> list[str]:
        pieces: list[str] = []
        for word in super().tokenize(line):
            pieces += [word[:3], *("##" + word[at : at + 3] for at in range(3, len(word), 3))]
        return pieces


class Blockwise(WordTokenizer):
    """Takes many lines at once."""

    def tokenize_lines(self, lines: Sequence[str]) -> list[list[str]]:
        return [self.tokenize(line) for line in lines]


class DropsBlanks(Blockwise):
    """Forgets blank lines among many."""

    def tokenize_lines(self, lines: Sequence[str]) -> list[list[str]]:
        return [tokens for tokens in super().tokenize_lines(lines) if tokens]


class ReadsOn(Blockwise):
    """Is in the middle of a text at all lines but the first."""

    def tokenize_lines(self, lines: Sequence[str]) -> list[list[str]]:
        found = super().tokenize_lines(lines)
        return [*found[:1], *(tokens and ["##" + tokens[0], *tokens[1:]] for tokens in found[1:])]


class GivesTuple(SpaceTokenizer):
    """Returns a tuple."""

    def tokenize(self, line: str) -> Any:
        return tuple(super().tokenize(line))


class GivesBytes(SpaceTokenizer):
    """Returns bytes for what looks like a number."""

    def tokenize(self, line: str) -> Any:
        return [token if token != "x" else b"x" for token in super().tokenize(line)]

    def detokenize(self, tokens: Any) -> str:
        return " ".join(map(str, tokens))


class GivesEmpty(SpaceTokenizer):
    """Splits between every two spaces."""

    def tokenize(self, line: str) -> list[str]:
        return line.split(" ") if line else []


class GivesLineFeed(SpaceTokenizer):
    """Ends a line that has words with a line feed."""

    def tokenize(self, line: str) -> list[str]:
        return [*super().tokenize(line), "\n"] if line else []

    def detokenize(self, tokens: Any) -> str:
        return " ".join(tokens).replace("\n", "")


class GivesNul(SpaceTokenizer):
    """Joins the parts of a word by NUL."""

    def tokenize(self, line: str) -> list[str]:
        return [token.replace("-", "-\0") for token in super().tokenize(line)]


class FillsBlanks(SpaceTokenizer):
    """Makes up a token for the empty line."""

    def tokenize(self, line: str) -> list[str]:
        return super().tokenize(line) or ["<blank>"]


class AddsMarks(SpaceTokenizer):
    """Adds the marks of a sentence."""

    def tokenize(self, line: str) -> list[str]:
        return [*super().tokenize(line), "</s>"] if line else []


class JoinsPieces(CharTokenizer):
    """Makes a mark of a sentence out of what stands around a space."""

    def tokenize(self, line: str) -> list[str]:
        return re.findall(r"</? ?s>|.", line.replace("</ s>", "</s>"), flags=re.DOTALL)


class Remembers(SpaceTokenizer):
    """Treats a line by the line before it."""

    last: str = ""

    def tokenize(self, line: str) -> list[str]:
        tokens = super().tokenize(line)
        if tokens and self.last:
            tokens[0] = self.last + tokens[0]
        self.last = line[:1].strip()
        return tokens


class LosesAccents(SpaceTokenizer):
    """Drops combining marks."""

    def tokenize(self, line: str) -> list[str]:
        return super().tokenize(re.sub("[\u0300-\u036f]", "", line))


class Reorders(SpaceTokenizer):
    """Sorts the words."""

    def tokenize(self, line: str) -> list[str]:
        return sorted(super().tokenize(line))


class AsciiAlone(SpaceTokenizer):
    """Passes over lines with characters beyond the first plane."""

    lossless: ClassVar[bool] = False

    def tokenize(self, line: str) -> list[str]:
        return [] if max(line, default="") > "\uffff" else super().tokenize(line)


class Quadratic(SpaceTokenizer):
    """Looks at all that it has read before each character."""

    def tokenize(self, line: str) -> list[str]:
        spaces = 0
        if len(line) <= 2000:
            for end in range(len(line)):
                for character in line[:end]:
                    spaces += character == " "
        return super().tokenize(line)


class DetokenizesToList(SpaceTokenizer):
    """Gives tokens back as they are."""

    def detokenize(self, tokens: Any) -> Any:
        return list(tokens)


class DetokenizesToLines(SpaceTokenizer):
    """Puts each token on a line."""

    def detokenize(self, tokens: Any) -> str:
        return "\n".join(tokens)


class OtherName(SpaceTokenizer):
    """Is declared under another name; see the test's package."""

    name: ClassVar[str] = "kit-own-name"
