"""How a run proceeds: its stages, each as a process, with and without Airflow."""
