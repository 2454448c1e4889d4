"""Public API for plugins; names neither here nor in ``nlmkit`` can change without notice.

A name is imported when it is first used, so importing a plugin costs only what the plugin uses.

Contracts:
    ``Component``, ``Representation``, ``LanguageModel``, ``Classifier``, ``Regressor``, ``Tagger``,
    ``SequenceToSequence``, ``Tokenizer``: base classes of a plugin's class; a tokenizer only needs the same methods.
    ``RunOptions``: options of a run of ``fit``, separate from the model. ``Context``, ``check_context``: the contexts
    ``sentence`` and ``stream``. ``API_VERSION``: the version of the contracts.
Hyper-parameters:
    ``param`` declares one; ``Needs``, ``value_of``, ``given``, ``above`` are arguments of ``param(needs=)``.
    ``with_default`` inherits one with another default. ``VocabularyLimits`` has the vocabulary options.
Text:
    ``Corpus``, ``Vocabulary``, ``Decoding``, ``Tokenization``, and ``TextPipeline``, which combines both;
    ``LabelledTexts``, ``NumberedTexts``, ``TaggedSentences``, ``ParallelTexts``, ``LabelledTrees``. ``UNK``, ``BOS``,
    ``EOS`` with their ids ``UNK_ID``, ``BOS_ID``, ``EOS_ID``; ``SPECIAL``, all three. ``SpaceTokenizer``,
    ``WordTokenizer``, ``CharTokenizer``; ``FLAG``, ``INVISIBLE_JOINTS``, ``KEYCAP``, ``PICTURES``, patterns of
    pictographs that form one token. ``get_tokenizer`` returns a tokenizer by name.
Saved models:
    ``FittedState`` is returned by ``fitted_state``; ``require``, ``require_array`` check the state passed to
    ``restore``. ``load`` reads a saved model.
Optional packages and notes:
    ``optional.require`` imports a package, or names the missing one. ``note`` sends a note to the user.
Errors:
    ``NlmkitError`` and its subclasses: ``DataError``, ``ExportError``, ``HyperParameterError``, ``IntegrityError``,
    ``MissingFileError``, ``MissingModelError``, ``NotComparableError``, ``NotFittedError``, ``NotNormalizedError``,
    ``PluginError``, ``RegistryError``, ``SavedModelError``, ``UnknownComponentError``.
Neural language models:
    ``NeuralLanguageModel`` with ``ArchitectureOptions``, ``OptimizationOptions``, ``RegularizationOptions``;
    ``module_around`` builds its ``LanguageModule`` around a ``Body``, which maps ``Steps`` and a ``State``;
    ``Dropout``.
Training in steps:
    ``run`` is the loop; it drives a ``Stepper`` and returns a ``RunResult``. A stepper has an ``Extent`` and a
    ``Place``, takes a step at a ``Moment``, and returns ``Figures`` for the log. For a network, write a ``Task``
    with ``Metric``, ``Epoch``, ``Batch`` and ``Step``; ``GradientStepper`` turns it into a stepper, with an
    ``Optimization`` and the ``Processes`` of the run, which ``processes`` connects. ``redeclared`` inherits a
    hyper-parameter with other choices or help. Raise ``Diverged`` if training diverges. ``choose_device`` returns a
    device by name. ``TorchModel`` is a component around a module; ``put_weights`` loads saved weights;
    ``without_timing`` removes times from a report.
Taggers:
    ``ChainTagger`` is a ``Tagger`` whose scores form a ``Chain``: it implements all of inference exactly.
Sequence to sequence:
    ``TextSources`` has the options of a ``SequenceToSequence`` whose sources are texts. It is fitted to ``Pairs``, and
    its targets start from a ``Condition``.
Search:
    ``Rows`` are hypotheses that a search continues, from a language or sequence-to-sequence model. ``MachineRows``
    makes them of the states of any model.
Counts and vectors of words:
    ``NGram`` reads and writes ARPA files. ``known_text``, ``rows_of_types`` map a corpus to vocabulary ids;
    ``Sentences`` passes it to gensim; ``refuse_diverged`` checks the result.
Tests:
    ``conformance`` is the kit for pytest; ``run_checks``, ``checks_for`` work without it. ``registered`` registers
    a class that is not installed.
"""

from __future__ import annotations

from typing import Any

from nlmkit.core.exports import exports

_HOMES: dict[str, tuple[str, ...]] = {
    "nlmkit.classifiers.base": ("Classifier",),
    "nlmkit.contract": ("API_VERSION",),
    "nlmkit.decoding.chain": ("Chain",),
    "nlmkit.decoding.rows": ("MachineRows", "Rows"),
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
    "nlmkit.seq2seq.base": ("SequenceToSequence",),
    "nlmkit.seq2seq.options": ("TextSources",),
    "nlmkit.seq2seq.pairs": ("Condition", "Pairs"),
    "nlmkit.taggers.base": ("Tagger",),
    "nlmkit.taggers.chain_tagger": ("ChainTagger",),
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
    "nlmkit.text.parallel": ("ParallelTexts",),
    "nlmkit.text.tagged": ("TaggedSentences",),
    "nlmkit.text.trees": ("LabelledTrees",),
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
"""Public names by module; scripts/public_names.py generates ``plugin.pyi`` from it."""

_get, __all__ = exports(globals(), _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
