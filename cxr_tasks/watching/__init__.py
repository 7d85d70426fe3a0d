"""A run while it goes on: each task's state, epochs and curves, from what lies on the volume."""
