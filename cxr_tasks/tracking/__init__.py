"""A run told to a tracking server, MLflow's: settings, scores, epochs and the report."""
