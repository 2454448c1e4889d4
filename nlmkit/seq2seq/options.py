"""Options of sequence-to-sequence models whose sources are texts: ``TextSources``."""

from __future__ import annotations

import dataclasses

from nlmkit.core.parameters import Needs, param
from nlmkit.taggers.base import Tagger

_SEPARATE = Needs("joint=false: a joint vocabulary has the limits of targets", lambda model: not model.joint)


@dataclasses.dataclass(kw_only=True)
class TextSources:
    """Options of sources that are texts; ``lowercase`` and ``unicode_form`` apply to both sides."""

    source_tokenizer: str | Tagger | None = param(
        None, help="tokenizer of sources; none: one of the same name as that of targets"
    )
    joint: bool = param(False, help="one vocabulary of sources and targets together, and one trained tokenizer")
    source_vocabulary_size: int | None = param(
        None, ge=1, help="number of most frequent source words to keep; the rest become <unk>", needs=_SEPARATE
    )
    source_min_count: int = param(
        1, ge=1, help="minimum count of a source word; rarer words become <unk>", needs=_SEPARATE
    )
