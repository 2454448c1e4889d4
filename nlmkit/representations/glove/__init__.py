"""GloVe: co-occurrence counts and their factorization."""
