"""What a person reads: the page, its figures, the table in the terminal."""
