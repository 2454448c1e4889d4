"""What text classifiers share: labelled texts, reports, and the training of neural ones."""
