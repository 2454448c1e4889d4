"""Text: decoding, tokenization and tokenizers, vocabulary, corpus, and the catalogue of corpora.

Names are looked up when first used, so that importing a tokenizer or a decoding loads no NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlmkit.core.progress import Progress
    from nlmkit.text.corpus import Block, Corpus, stream_blocks
    from nlmkit.text.decoding import Decoding
    from nlmkit.text.pipeline import TextPipeline
    from nlmkit.text.sources import TextSource
    from nlmkit.text.tokenization import Tokenization
    from nlmkit.text.tokenizers import CharTokenizer, SpaceTokenizer, Tokenizer, WordTokenizer
    from nlmkit.text.vocabulary import BOS, BOS_ID, EOS, EOS_ID, UNK, UNK_ID, Vocabulary

_MODULES = {
    "corpus": ("Block", "Corpus", "stream_blocks"),
    "decoding": ("Decoding",),
    "pipeline": ("TextPipeline",),
    "progress": ("Progress",),
    "sources": ("TextSource",),
    "tokenization": ("Tokenization",),
    "tokenizers": ("CharTokenizer", "SpaceTokenizer", "Tokenizer", "WordTokenizer"),
    "vocabulary": ("BOS", "BOS_ID", "EOS", "EOS_ID", "UNK", "UNK_ID", "Vocabulary"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "BOS",
    "BOS_ID",
    "EOS",
    "EOS_ID",
    "UNK",
    "UNK_ID",
    "Block",
    "CharTokenizer",
    "Corpus",
    "Decoding",
    "Progress",
    "SpaceTokenizer",
    "TextPipeline",
    "TextSource",
    "Tokenization",
    "Tokenizer",
    "Vocabulary",
    "WordTokenizer",
    "stream_blocks",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
