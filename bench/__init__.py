"""Measurements: speed and scale, and how often the audit, remedies and statistics are right."""
