"""The pages of docs/, the README, and the machinery of the site."""
