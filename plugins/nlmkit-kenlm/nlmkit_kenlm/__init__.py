"""KenLM's ARPA and binary files as nlmkit's language model ``kenlm``."""
