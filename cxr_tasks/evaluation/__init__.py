"""What the trained variants are worth."""
