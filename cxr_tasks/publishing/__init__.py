"""Finished reports and the champion copied to an object store, without images or patients."""
