"""Makes the lung segmenter that comes with the project: a small network and drawn radiographs."""
