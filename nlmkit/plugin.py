"""Public API for plugins; names neither here nor in ``nlmkit`` can change without notice.

Nothing is imported before a name is used, so a plugin's module costs what it uses of it at its top.

Contracts:
    ``Component``, ``Representation``, ``LanguageModel``, ``Classifier``, ``Regressor``, ``Tokenizer``: what a plugin's
    class is derived from; a tokenizer needs only to have the same methods. ``RunOptions``: what concerns a run of
    ``fit`` and not the model. ``Context``, ``check_context``: the contexts ``sentence`` and ``stream``.
    ``API_VERSION``: the version of the contracts.
Hyper-parameters:
    ``param`` declares one; ``Needs``, ``value_of``, ``given``, ``above`` are for ``param(needs=)``. ``with_default``
    inherits one with another default. ``VocabularyLimits`` are the options of the vocabulary.
Text:
    ``Corpus``, ``Vocabulary``, ``Decoding``, ``Tokenization``, and both in one, ``TextPipeline``; ``LabelledTexts``,
    ``NumberedTexts``. ``UNK``, ``BOS``, ``EOS`` and
    their ids ``UNK_ID``, ``BOS_ID``, ``EOS_ID``; ``SPECIAL``, all three. ``SpaceTokenizer``, ``WordTokenizer``,
    ``CharTokenizer``; ``FLAG``, ``INVISIBLE_JOINTS``, ``KEYCAP``, ``PICTURES``, the patterns of pictures that are one
    token. ``get_tokenizer`` is by name.
Saved models:
    ``FittedState`` is what ``fitted_state`` returns; ``require``, ``require_array`` check what ``restore`` is given.
    ``load`` reads a saved model.
Other packages, and what the user is told:
    ``optional.require`` says which package is missing. ``note`` sends a note.
Errors:
    ``NlmkitError`` and all below it: ``DataError``, ``ExportError``, ``HyperParameterError``, ``IntegrityError``,
    ``MissingFileError``, ``MissingModelError``, ``NotComparableError``, ``NotFittedError``, ``NotNormalizedError``,
    ``PluginError``, ``RegistryError``, ``SavedModelError``, ``UnknownComponentError``.
Neural language models:
    ``NeuralLanguageModel`` with ``ArchitectureOptions``, ``OptimizationOptions``, ``RegularizationOptions``;
    ``module_around`` makes its ``LanguageModule`` of a ``Body``, which maps ``Steps`` and a ``State``; ``Dropout``.
Training in steps:
    ``run`` is the loop; it drives a ``Stepper`` and returns a ``RunResult``. A stepper says its ``Extent`` and its
    ``Place``, takes a step at a ``Moment``, and gives ``Figures`` for the log. For a network write a ``Task`` with
    ``Metric``, ``Epoch``, ``Batch`` and ``Step``; ``GradientStepper`` makes a stepper of it, by an ``Optimization`` and
    the ``Processes`` of the run, which ``processes`` connects. ``redeclared`` inherits a hyper-parameter with other
    choices or help. Raise ``Diverged`` where training goes off. ``choose_device`` is by name. ``TorchModel`` is a
    component around a module; ``put_weights`` loads what was saved, and ``without_timing`` is the report to save.
Counts and vectors of words:
    ``NGram`` reads and writes ARPA files. ``known_text``, ``rows_of_types`` map a corpus to the ids of a vocabulary;
    ``Sentences`` give it to gensim, and ``refuse_diverged`` looks at what came of it.
Tests:
    ``conformance`` is the kit for pytest; ``run_checks``, ``checks_for`` do without. ``registered`` gives a class that
    is not installed a place in the registry.
"""

from __future__ import annotations

from typing import Any

from nlmkit.core.exports import exports

_HOMES: dict[str, tuple[str, ...]] = {
    "nlmkit.classifiers.base": ("Classifier",),
    "nlmkit.contract": ("API_VERSION",),
    "nlmkit.core": ("optional",),
    "nlmkit.core.component": ("Component",),
    "nlmkit.core.notes": ("note",),
    "nlmkit.core.parameters": ("Needs", "above", "given", "param", "value_of"),
    "nlmkit.core.presets": ("redeclared", "with_default"),
    "nlmkit.core.registry": ("get_tokenizer",),
    "nlmkit.core.run": ("RunOptions",),
    "nlmkit.core.storage": ("load",),
    "nlmkit.core.vocabulary_limits": ("VocabularyLimits",),
    "nlmkit.errors": (
        "DataError",
        "ExportError",
        "HyperParameterError",
        "IntegrityError",
        "MissingFileError",
        "MissingModelError",
        "NlmkitError",
        "NotComparableError",
        "NotFittedError",
        "NotNormalizedError",
        "PluginError",
        "RegistryError",
        "SavedModelError",
        "UnknownComponentError",
    ),
    "nlmkit.language_models.base": ("Context", "LanguageModel", "check_context"),
    "nlmkit.language_models.neural.estimator": ("NeuralLanguageModel",),
    "nlmkit.language_models.neural.module": ("LanguageModule", "module_around"),
    "nlmkit.language_models.neural.options": ("ArchitectureOptions", "OptimizationOptions", "RegularizationOptions"),
    "nlmkit.language_models.ngram.model": ("NGram",),
    "nlmkit.layers.backbone": ("Body", "State"),
    "nlmkit.layers.masks": ("Dropout",),
    "nlmkit.layers.recurrent_steps": ("Steps",),
    "nlmkit.regressors.base": ("Regressor",),
    "nlmkit.representations.base": ("Representation",),
    "nlmkit.representations.term_counts": ("known_text", "rows_of_types"),
    "nlmkit.representations.word2vec.training": ("Sentences", "refuse_diverged"),
    "nlmkit.saving": ("require", "require_array"),
    "nlmkit.saving.state": ("FittedState",),
    "nlmkit.saving.timing": ("without_timing",),
    "nlmkit.testing": ("checks_for", "conformance", "run_checks"),
    "nlmkit.testing.registration": ("registered",),
    "nlmkit.text": (
        "BOS",
        "BOS_ID",
        "CharTokenizer",
        "Corpus",
        "Decoding",
        "EOS",
        "EOS_ID",
        "SpaceTokenizer",
        "TextPipeline",
        "Tokenization",
        "Tokenizer",
        "UNK",
        "UNK_ID",
        "Vocabulary",
        "WordTokenizer",
    ),
    "nlmkit.text.labelled": ("LabelledTexts",),
    "nlmkit.text.numbered": ("NumberedTexts",),
    "nlmkit.text.tokenizers": ("FLAG", "INVISIBLE_JOINTS", "KEYCAP", "PICTURES"),
    "nlmkit.text.vocabulary": ("SPECIAL",),
    "nlmkit.training.devices": ("choose_device",),
    "nlmkit.training.distributed": ("Processes", "processes"),
    "nlmkit.training.divergence": ("Diverged",),
    "nlmkit.training.gradient": ("GradientStepper",),
    "nlmkit.training.metrics": ("Metric",),
    "nlmkit.training.options": ("Optimization",),
    "nlmkit.training.result": ("RunResult",),
    "nlmkit.training.run": ("run",),
    "nlmkit.training.stepper": ("Extent", "Figures", "Moment", "Place", "Stepper"),
    "nlmkit.training.task": ("Batch", "Epoch", "Step", "Task"),
    "nlmkit.training.torch_model": ("TorchModel", "put_weights"),
}
"""The names, by the module that has them. scripts/public_names.py writes ``plugin.pyi`` of it."""

_get, __all__ = exports(globals(), _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
