"""What remedies do to planted shortcuts, and to the disease that should remain."""
