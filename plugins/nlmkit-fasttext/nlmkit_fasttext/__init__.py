"""fastText as nlmkit's representation ``fasttext``."""
