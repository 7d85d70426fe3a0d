"""A run: how it begins, whether it is complete, repeats another, failed, and how it ended."""
