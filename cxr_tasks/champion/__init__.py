"""The champion: the model that serves, how another takes its place, and drift of new data."""
