"""The page at `/`: views for readers, what each fetches, and the files that a browser gets."""
