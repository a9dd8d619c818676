"""Objectives: pure, vectorised functions from documents and facts to inputs and targets, and the plan of batches."""
