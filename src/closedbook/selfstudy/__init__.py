"""Self-study: an open-book reader, learned from the training questions and their documents, and the cards it writes."""
