"""Recurrent layers over a whole window at once on CPUs, with gradients by hand, in float32 or bfloat16."""
