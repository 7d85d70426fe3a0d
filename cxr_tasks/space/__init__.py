"""The shared volume over years: what uses how much of it, and what may go."""
