"""The attention lab: every claim of the seed's part 1 as a construction, a closed form, a measurement and a verdict."""
