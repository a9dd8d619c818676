"""Baselines written the course's way, and the benchmark that times closedbook against them."""
