"""Kinds of components, one row each; a new kind requires only a row here.

The registry, saved models, the command line, the conformance kits and new plugins read this table, and know no kind by
name. A new kind is a package with its contract and one row here. Nothing is imported until a row is asked for it.
Tokenizers are no components: the registry lists them beside these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from typing import Any, Final


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of component.

    Attributes:
        name: What the components' attribute ``kind`` is.
        group: Entry-point group that declares components of the kind.
        base: The contract, as ``module:Class``; every component of the kind is derived from it.
        data: What reads training data from files, as ``module:function`` or ``module:Class.method``.
        needs_text: Whether a fitted component always has a vocabulary and a text pipeline.
        cli: Module with the kind's part of the command line, ``PART`` (``nlmkit.cli.kinds.part``).
        kit: Module with the kind's conformance kit, ``Subject`` and ``CHECKS`` (``nlmkit.testing``).
        template: Folder with a new plugin's files, under ``nlmkit/scaffold/template``.
        serving: Module with what models of the kind answer over HTTP, ``QUESTIONS`` and ``facts`` (``nlmkit.serving``).
        other_kits: Kits of components that take other data than most of their kind, by their ``takes``.
        synonyms: Other names for the kind, which an error then explains.
        noun: What a component of the kind is called in a sentence, where that is not the name.
    """

    name: str
    group: str
    base: str
    data: str
    needs_text: bool
    cli: str
    kit: str
    template: str
    serving: str
    other_kits: tuple[tuple[str, str], ...] = ()
    synonyms: tuple[str, ...] = ()
    noun: str = ""

    @property
    def in_words(self) -> str:
        """What a component of the kind is called in a sentence."""
        return self.noun or self.name.replace("-", " ")

    @property
    def base_name(self) -> str:
        """Name of the contract's class."""
        return self.base.partition(":")[2]

    def kit_for(self, component: object) -> str:
        """Return the module with the conformance kit of a component of the kind, or of its class."""
        return dict(self.other_kits).get(getattr(component, "takes", ""), self.kit)

    def base_class(self) -> type[Any]:
        """Return the contract, which this imports."""
        cls: type[Any] = _imported(self.base)
        return cls

    def reader(self) -> Callable[..., Any]:
        """Reader of training data; imported on access."""
        function: Callable[..., Any] = _imported(self.data)
        return function


def _imported(address: str) -> Any:
    module, _, path = address.partition(":")
    return attrgetter(path)(import_module(module))


KINDS: Final = (
    Kind(
        name="representation",
        group="nlmkit.representations",
        base="nlmkit.representations.base:Representation",
        data="nlmkit.cli.texts:read_texts",
        needs_text=True,
        cli="nlmkit.cli.kinds.representation",
        kit="nlmkit.testing.representation",
        template="representation",
        serving="nlmkit.serving.kinds.representation",
        synonyms=("embedding",),
    ),
    Kind(
        name="language-model",
        group="nlmkit.language_models",
        base="nlmkit.language_models.base:LanguageModel",
        data="nlmkit.cli.texts:read_texts",
        needs_text=True,
        cli="nlmkit.cli.kinds.language_model",
        kit="nlmkit.testing.language_model",
        template="language-model",
        serving="nlmkit.serving.kinds.language_model",
        synonyms=("lm",),
    ),
    Kind(
        name="classifier",
        group="nlmkit.classifiers",
        base="nlmkit.classifiers.base:Classifier",
        data="nlmkit.text.labelled:LabelledTexts.read",
        needs_text=False,
        cli="nlmkit.cli.kinds.classifier",
        kit="nlmkit.testing.classifier",
        template="classifier",
        serving="nlmkit.serving.kinds.classifier",
        other_kits=(("trees", "nlmkit.testing.tree_classifier"),),
    ),
    Kind(
        name="regressor",
        group="nlmkit.regressors",
        base="nlmkit.regressors.base:Regressor",
        data="nlmkit.text.numbered:NumberedTexts.read",
        needs_text=False,
        cli="nlmkit.cli.kinds.regressor",
        kit="nlmkit.testing.regressor",
        template="regressor",
        serving="nlmkit.serving.kinds.regressor",
    ),
    Kind(
        name="tagger",
        group="nlmkit.taggers",
        base="nlmkit.taggers.base:Tagger",
        data="nlmkit.text.tagged:TaggedSentences.read",
        needs_text=False,
        cli="nlmkit.cli.kinds.tagger",
        kit="nlmkit.testing.tagger",
        template="tagger",
        serving="nlmkit.serving.kinds.tagger",
        synonyms=("sequence-tagger",),
    ),
    Kind(
        name="sequence-to-sequence",
        group="nlmkit.sequence_to_sequence",
        base="nlmkit.seq2seq.base:SequenceToSequence",
        data="nlmkit.text.parallel:ParallelTexts.read",
        needs_text=True,
        cli="nlmkit.cli.kinds.sequence_to_sequence",
        kit="nlmkit.testing.sequence_to_sequence",
        template="sequence-to-sequence",
        serving="nlmkit.serving.kinds.sequence_to_sequence",
        synonyms=("seq2seq", "translation-model", "translator"),
        noun="sequence-to-sequence model",
    ),
)
"""Every kind, in the order of listing."""

_BY_NAME: Final = {kind.name: kind for kind in KINDS}


def kind_called(name: str) -> Kind:
    """Return the kind of that name.

    Raises:
        LookupError: there is none.
    """
    return _BY_NAME[name]


def kind_of(cls: type[Any]) -> Kind:
    """Return the kind that a class of components states.

    Raises:
        LookupError: it states none of them.
    """
    return _BY_NAME[cls.kind]
