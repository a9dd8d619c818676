"""Documents and facts: records, readers, the built-in people, splits and tokenizers."""
