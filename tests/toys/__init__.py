"""Small components, plugins and data that many tests use; what one room alone needs lies beside its tests.

Components: ``language_models`` has a uniform model, a bigram model and one with scores that a test dictates,
``recurrent`` an Elman network, ``combined`` a model that contains others, ``representations`` vectors from a test,
``command_line`` the models of the command line's tests, one of which fails in every way. ``broken_*`` has a correct
component of each kind (the language model derives from ``Bigram``) and, for each check in ``nlmkit.testing``, one that
breaks its promise and nothing else; ``heavy_import`` is that for the check of imports. ``plugin_packages`` writes the
metadata that makes any of them a plugin's. Parts and data: ``neural`` has a network of a few weights and a clock that a
test turns, ``networks`` options and networks for the tests of layers, ``steppers`` a stepper of the training loop
without a network, ``regression`` a task of the engine, ``classifiers`` texts with something to learn and
what tests of several classifiers ask alike. Definitions to compare with: ``ngram_reference`` has every smoothing method
in exact fractions, ``ngrams`` makes a model both ways. Files: ``saved_models`` has two that child processes save,
``checkpoint_mutations`` damages checkpoints one value at a time.
"""
