"""Reports: what readers see on the console, and pages in HTML."""
