"""Compact n-gram tables: bit-packed ids, contexts and quantised values."""
