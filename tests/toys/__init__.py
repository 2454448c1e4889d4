"""Small components, plugins and data that many tests use; what one room alone needs lies beside its tests.

Components: ``language_models`` has a uniform model, a bigram model and one with scores that a test dictates,
``recurrent`` an Elman network, ``combined`` a model that contains others, ``representations`` vectors that a test
gives, ``regressors`` a line through lengths of texts, ``tree_counts`` a classifier of trees by counts of words,
``frequent_tagger`` and ``taggers`` taggers by counts,
``sequence_to_sequence`` a translator word by word and one of vectors, ``translators`` others for the command line,
``segmenters`` a segmenter and its text, and ``command_line`` the models of the command line's tests, one of which
fails in every way. ``broken_classifiers``, ``broken_language_models``, ``broken_regressors``,
``broken_representations``, ``broken_sequence_to_sequence``, ``broken_taggers``, ``broken_tokenizers`` and
``broken_training`` have a correct component each (the language models' derives from ``Bigram``) and, for each check
in ``nlmkit.testing``, one that breaks its promise and nothing else; ``heavy_import`` is that for the check of
imports. ``plugin_packages`` writes the metadata that makes any of them a plugin's.

Parts and data: ``steppers`` and ``tasks`` have what the training engine drives, without a network and with the
smallest one, ``store_tasks`` tasks over a store of tables, and ``clusters`` a Dask cluster of processes; ``neural``
has a language module of a few weights and a clock that a test turns, ``networks`` options and networks for the tests
of layers, ``classifiers`` and ``numbers`` texts with something to learn and what several tests ask alike,
``decoding`` machines drawn at random and searches that try everything. Definitions to compare with:
``ngram_reference`` has every smoothing method in exact fractions, ``ngrams`` makes a model both ways, ``conlleval``
has the figures of spans. Files: ``saved_models`` has two that child processes save, ``checkpoint_mutations`` damages
checkpoints one value at a time.
"""
