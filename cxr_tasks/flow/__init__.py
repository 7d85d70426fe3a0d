"""The way of a run: its stages, each as a process, with and without Airflow."""
