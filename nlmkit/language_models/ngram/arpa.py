"""ARPA files: the text format in which n-gram toolkits exchange backoff models.

A file holds log10 probabilities and, for every order below the highest, log10 backoff weights. Words are separated by
spaces, tabs and line ends only, as KenLM and SRILM separate them; every other character may be part of a word.
"""

from nlmkit.language_models.ngram.arpa_reading import read_arpa
from nlmkit.language_models.ngram.arpa_writing import write_arpa

__all__ = ["read_arpa", "write_arpa"]
