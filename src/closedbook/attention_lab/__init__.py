"""The attention lab: the assignment's claims on attention, each constructed, derived, measured and judged."""
