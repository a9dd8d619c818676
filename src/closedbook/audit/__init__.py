"""The audit: what a model recalls, what it makes up, how far its confidence can be believed, and when to abstain."""
