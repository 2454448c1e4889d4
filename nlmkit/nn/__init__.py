"""What neural language models share: layers, regularisers, output layers, training and scoring."""
