"""The commands of `python -m cxr_tasks`, each with its flags and its work."""
