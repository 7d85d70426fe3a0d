"""The pipeline as plain Python: from chest X-ray files to a comparison report.

Research software, no medical device. Nothing in this package imports Airflow.
"""
