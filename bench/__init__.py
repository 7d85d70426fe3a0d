"""Speed and scale of the pipeline, and what it costs to run it through Airflow."""
