"""From files to a data set of images, and its split."""
