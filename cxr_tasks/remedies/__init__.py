"""What to do about a shortcut: data sets made anew, and what of a score survives on them."""
