"""Figures of scores against labels, with intervals and tests that keep a patient together."""
