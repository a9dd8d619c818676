"""Training: one optimizer step, the loop, optimizers and schedules, checkpoints."""
