"""Where a trained model looks, as pictures and as a number."""
