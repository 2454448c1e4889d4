"""How targets are searched: options of the beam, shallow fusion, unknown words; ``Search``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.suggestions import suggestion
from nlmkit.decoding.hypotheses import DEFAULT_ALPHA, EXTRA_LENGTH, BeamOptions
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.decoding.fusion import ShallowFusion
    from nlmkit.decoding.rows import Rows
    from nlmkit.seq2seq.fitted import FittedModel

BEAM: Final = 5
"""Hypotheses kept per source where no number is given."""


@dataclasses.dataclass(frozen=True)
class Search:
    """A search for targets.

    Attributes:
        options: Options of the beam, which limit the lengths.
        fusion: Shallow fusion with a language model; None without.
        replace_unknown: Whether each ``<unk>`` is replaced by the source token with most attention.
        description: All that the predictions depend on, in one line, such as ``beam:5|norm:gnmt|alpha:0.6|ratio:2``.
    """

    options: BeamOptions
    fusion: ShallowFusion | None
    replace_unknown: bool
    description: str

    @classmethod
    def of(
        cls,
        model: FittedModel,
        *,
        n: int,
        beam: int | None,
        language_model: Any,
        lm_weight: float,
        replace_unknown: bool,
        options: Mapping[str, Any],
    ) -> Search:
        """Return a search by a fitted model; arguments as of ``SequenceToSequence.n_best``.

        Raises:
            DataError: The language model reads text in other tokens.
            HyperParameterError: An option is unknown, invalid or without effect.
        """
        how = _beam_options(n, beam, options)
        if replace_unknown:
            if not model.has_attention or model.takes != "texts":
                raise HyperParameterError(
                    f"replace_unknown has no effect: this {model.name} has no attention on source tokens"
                )
            how = dataclasses.replace(how, allow_unk=True)
        how = _limited(model, how, options)
        parts = [_described(how)]
        if replace_unknown or how.allow_unk:
            parts.append(f"unk:{'replaced' if replace_unknown else 'allowed'}")
        fusion = None
        if language_model is not None:
            if not lm_weight:
                raise HyperParameterError("language_model has no effect: it needs lm_weight above 0")
            from nlmkit.decoding.fusion import ShallowFusion

            fusion = ShallowFusion(model, language_model, lm_weight)
            parts.append(f"lm:{language_model.name}:{language_model.digest}|weight:{lm_weight:g}")
        elif lm_weight:
            raise HyperParameterError(f"lm_weight={lm_weight:g} has no effect: it needs language_model")
        return cls(how, fusion, bool(replace_unknown), "|".join(parts))

    def fused(self, rows: Rows, sources: int) -> Rows:
        """Return the rows of some sources with the language model's share."""
        return rows if self.fusion is None else self.fusion.rows(rows, sources)


def _beam_options(n: int, beam: int | None, options: Mapping[str, Any]) -> BeamOptions:
    known = [field.name for field in dataclasses.fields(BeamOptions) if field.name not in ("beam", "n_best")]
    for name in options:
        if name not in known:
            raise HyperParameterError(f"search has no option {name!r}{suggestion(name, known)}")
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise HyperParameterError(f"n must be a positive integer, not {n!r}")
    return BeamOptions(beam=max(BEAM, n) if beam is None else beam, n_best=n, **options)


def _limited(model: FittedModel, how: BeamOptions, given: Mapping[str, Any]) -> BeamOptions:
    """Return the options with the greatest length of targets, by those of training, where none is given."""
    if given.get("max_length") is not None or given.get("max_ratio") is not None:
        return how
    # Of texts both, since a source may be a whole book, and a model may never end.
    times = 2 if model.length_ratio_ is None else 4
    limited = dataclasses.replace(how, max_length=max(how.min_length, times * model.longest_target_ + EXTRA_LENGTH))
    if model.length_ratio_ is None:
        return limited
    return dataclasses.replace(limited, max_ratio=max(2.0, 2 * model.length_ratio_))


def _described(how: BeamOptions) -> str:
    parts = [f"beam:{how.beam}", f"norm:{how.normalization}"]
    if how.normalization == "gnmt":
        parts.append(f"alpha:{DEFAULT_ALPHA if how.alpha is None else how.alpha:g}")
    if how.coverage:
        parts.append(f"coverage:{how.coverage:g}")
    if how.min_length:
        parts.append(f"min:{how.min_length}")
    if how.max_length is not None:
        parts.append(f"max:{how.max_length}")
    if how.max_ratio is not None:
        parts.append(f"ratio:{how.max_ratio:.4g}")
    return "|".join(parts)
