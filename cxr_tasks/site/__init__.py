"""The runs of a shared volume as pages: a table, a trend, two side by side; never Airflow."""
