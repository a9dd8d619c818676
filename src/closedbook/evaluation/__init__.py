"""Evaluation: batched decoding, exact match, intervals and paired tests, baselines."""
