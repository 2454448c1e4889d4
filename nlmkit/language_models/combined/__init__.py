"""Language models made of other language models."""
