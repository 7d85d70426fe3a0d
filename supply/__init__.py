"""What looks at the packages that the project is built on; no part of the pipeline."""
