"""ARPA files: the text format in which n-gram toolkits exchange backoff models.

A file holds log10 probabilities and, for every order below the highest, log10 backoff weights. As in KenLM and SRILM,
only spaces, tabs and line ends separate words; any other character can be part of a word.
"""

from nlmkit.language_models.ngram.arpa_reading import read_arpa
from nlmkit.language_models.ngram.arpa_writing import write_arpa

__all__ = ["read_arpa", "write_arpa"]
