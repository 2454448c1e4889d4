"""What language models made of other language models share."""
