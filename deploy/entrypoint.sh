# What every container starts with. Files are the group's to write as well: a platform that chooses
# another user in each container keeps the group.
umask 0002

# A worker takes tasks as soon as it has started, and each needs the API server: where that is not
# there yet, as after a reboot, every task taken would lose a try.
api_answers='import os, urllib.request as request
request.urlopen(os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] + "health", timeout=20)'
if [ "$1 $2 $3" = "airflow celery worker" ]; then
    until python -c "$api_answers" 2> /dev/null; do
        echo "waiting for the API server"
        sleep 2
    done
fi

exec "$@"
