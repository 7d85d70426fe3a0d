"""What else than disease could tell the classes of a data set apart."""
