"""Neural regressors."""
