"""Neural language model with n-gram distributions, trained together."""
