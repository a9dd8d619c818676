"""Documents, facts and relations: records, readers of every format, the built-in data set, splits, tokenizers."""
