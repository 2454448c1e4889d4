"""A unigram language model for nlmkit, declared in pyproject.toml as the language model ``template``."""
