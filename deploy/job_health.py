"""Health of a DAG processor or a triggerer: whether its heart beats, by its row in the database.

What `airflow jobs check --local` asks, without Airflow: a twentieth of its processor time.
"""

import os
import socket
import sys

import psycopg2

_SECONDS = 120
"""Four times what Airflow allows between two beats: a busy machine is not an ill one."""

_BEATS = """
SELECT 1 FROM job WHERE job_type = %s AND hostname = %s AND state = 'running'
AND latest_heartbeat > now() - make_interval(secs => %s)
"""


def host() -> str:
    """Return this machine's name as Airflow writes it (`airflow.utils.net.getfqdn`)."""
    name = socket.gethostname()
    found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM, flags=socket.AI_CANONNAME)
    return next((canonical for _, _, _, canonical, _ in found if canonical), name)


address = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "", 1)
with psycopg2.connect(address, connect_timeout=20) as connection, connection.cursor() as cursor:
    cursor.execute(_BEATS, (sys.argv[1], host(), _SECONDS))
    if cursor.fetchone() is None:
        sys.exit(f"No {sys.argv[1]} of {host()} has shown life for {_SECONDS} seconds.")
