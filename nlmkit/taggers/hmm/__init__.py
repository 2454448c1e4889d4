"""Hidden Markov model of tags and words."""
