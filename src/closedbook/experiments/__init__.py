"""Experiments: what trains one run or several, and compares them."""
