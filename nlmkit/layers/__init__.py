"""Parts of neural networks, for every kind of model."""
