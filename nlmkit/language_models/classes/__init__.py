"""Class-based n-gram models: words predicted by way of their classes."""
