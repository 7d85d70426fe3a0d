"""The routes of `cxr_reports`, each behind its guard.

Airflow loads every file of this folder in every task's process, but only its API server needs what
they import: so that stands in functions.
"""
