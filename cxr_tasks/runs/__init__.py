"""A run's beginning, how it failed, and what people say of it."""
