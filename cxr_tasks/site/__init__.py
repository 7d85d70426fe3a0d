"""The runs of a shared volume as pages: a table, side by side, the champion; never Airflow."""
