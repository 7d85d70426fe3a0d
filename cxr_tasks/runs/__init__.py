"""A run's beginning, and how it failed."""
