"""Evaluation: which figures may stand in one table, how sure their order is, and pictures of them."""
