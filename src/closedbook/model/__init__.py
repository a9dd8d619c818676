"""The model: a GPT with attention variants behind one signature, and its key-value cache."""
