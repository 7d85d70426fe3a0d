"""The champion: the model that serves, and how another takes its place."""
