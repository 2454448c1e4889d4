"""A small segmenter and the text that it learns; tests register its class as a plugin's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nlmkit.text.tagged import TaggedSentences
from toys.taggers import ToyTagger

GROUPS: Mapping[str, Mapping[str, str]] = {"nlmkit.taggers": {ToyTagger.name: "toys.taggers:ToyTagger"}}

SEGMENTED = [
    "老 船长 看着 大海",
    "大海 很 蓝",
    "船长 的 船 很 大",
    "他 看着 老 船",
    "蓝 船 在 大海 上",
    "船长 很 老",
    "他 在 图书馆 看 书",
    "图书馆 在 海 上",
]
"""Words with spaces between them."""

TEXT = [line.replace(" ", "") for line in SEGMENTED]
"""The same as it is written."""


def segmenter(lines: list[str] = SEGMENTED, **values: Any) -> ToyTagger:
    """Return a segmenter of the words of segmented lines."""
    return ToyTagger(**values).fit(TaggedSentences.read(iter(lines), format="segmented"))
