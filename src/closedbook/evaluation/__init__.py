"""Evaluation: what a language model is, how it is asked, what its answers are worth, and how sure that is."""
