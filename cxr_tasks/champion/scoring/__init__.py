"""The champion applied to new images: a table, a page, and what could not be used."""
