"""A door to the harnesses of others: facts as tasks that they run, evaluations as logs that they read."""
