"""The door to models in Hugging Face format: any causal language model on disk can be audited."""
