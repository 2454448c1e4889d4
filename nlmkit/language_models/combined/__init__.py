"""Language models that wrap other language models."""
