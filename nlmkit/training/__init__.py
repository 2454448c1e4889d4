"""Training engine: loop, optimizers, budgets, checkpoints and logs."""
