"""Drift: what of a run's data differs from the data that the champion knows."""
