"""Stages killed at random moments, and run again: what is left must be as if nothing had been."""
