"""A lung mask for every image: the user's, or a small segmenter's."""
