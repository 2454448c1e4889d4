"""A decoder-only transformer as nlmkit's language model ``transformer``."""
