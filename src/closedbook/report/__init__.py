"""Reports: what people see on the console, and the one-page HTML report."""
