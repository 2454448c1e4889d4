"""What neural classifiers share: batches, the input layer, layers, training, transfer, and their base class."""
