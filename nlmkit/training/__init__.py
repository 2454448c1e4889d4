"""The training engine: the loop, optimizers, budgets, checkpoints and logs."""
