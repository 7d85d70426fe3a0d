"""Synthetic chest radiographs."""
