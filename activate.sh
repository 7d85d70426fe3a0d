# Prepares a shell for the project:  . ./activate.sh
#
# Makes the virtual environment and the project's own Airflow home where they are missing or
# where requirements.lock has changed, then sets PATH and AIRFLOW_*. For any POSIX shell, also
# under `set -u`. PYTHON names the interpreter to build with (3.11 to 3.13).

# bash names a sourced file in BASH_SOURCE, zsh in $0; elsewhere it is the working folder.
_cxr_root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE:-$0}")" && pwd)
[ -f "$_cxr_root/requirements.lock" ] || _cxr_root=$PWD

_cxr_is_prepared() {
    cmp -s "$_cxr_root/requirements.lock" "$_cxr_root/.venv/installed.lock" &&
        cmp -s "$_cxr_root/requirements.lock" "$AIRFLOW_HOME/prepared.lock"
}

# Two shells that install into one folder spoil it. The lock goes with the subshell that calls this;
# macOS has no flock.
_cxr_wait_for_others() {
    if command -v flock > /dev/null; then exec 9> "$_cxr_root/.activate.lock" && flock 9; fi
}

# The lock is its own constraints too: older versions of pip otherwise look for the newest release
# of what is asked for with an extra, as `celery[redis]`, and find it unpinned.
_cxr_make_environment() {
    cmp -s "$_cxr_root/requirements.lock" "$_cxr_root/.venv/installed.lock" && return 0
    "${PYTHON:-python3}" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
        echo "${PYTHON:-python3} is not Python 3.11, 3.12 or 3.13. Name one with PYTHON=..." >&2
        return 1
    }
    echo "Installing what requirements.lock names into .venv (once; some minutes) ..." >&2
    "${PYTHON:-python3}" -m venv "$_cxr_root/.venv" &&
        "$_cxr_root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes --only-binary=:all: -r "$_cxr_root/requirements.lock" \
            -c "$_cxr_root/requirements.lock" &&
        "$_cxr_root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --no-deps --no-build-isolation --editable "$_cxr_root" &&
        cp "$_cxr_root/requirements.lock" "$_cxr_root/.venv/installed.lock"
}

_cxr_make_airflow_home() {
    cmp -s "$_cxr_root/requirements.lock" "$AIRFLOW_HOME/prepared.lock" && return 0
    echo "Preparing the Airflow home .airflow (once) ..." >&2
    mkdir -p "$AIRFLOW_HOME" &&
        "$_cxr_root/.venv/bin/python" -m cxr_tasks pools > "$AIRFLOW_HOME/pools.json" &&
        "$_cxr_root/.venv/bin/airflow" db migrate > "$AIRFLOW_HOME/setup.log" 2>&1 &&
        "$_cxr_root/.venv/bin/airflow" pools import "$AIRFLOW_HOME/pools.json" \
            >> "$AIRFLOW_HOME/setup.log" 2>&1 &&
        cp "$_cxr_root/requirements.lock" "$AIRFLOW_HOME/prepared.lock" || {
        echo "That failed; the end of $AIRFLOW_HOME/setup.log says why:" >&2
        tail -n 15 "$AIRFLOW_HOME/setup.log" >&2
        return 1
    }
}

export CXR_HOME="${CXR_HOME:-$_cxr_root/cxr-home}"
export AIRFLOW_HOME="${AIRFLOW_HOME:-$_cxr_root/.airflow}"
export AIRFLOW__CORE__DAGS_FOLDER="$_cxr_root/dags"
export AIRFLOW__CORE__PLUGINS_FOLDER="$_cxr_root/plugins"
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION=False
export AIRFLOW__CORE__EXECUTOR=LocalExecutor
# Each slot is a worker process of about 130 MB, started at once.
export AIRFLOW__CORE__PARALLELISM="${AIRFLOW__CORE__PARALLELISM:-6}"

if _cxr_is_prepared || (_cxr_wait_for_others && _cxr_make_environment && _cxr_make_airflow_home); then
    case ":$PATH:" in
        *":$_cxr_root/.venv/bin:"*) ;;
        *) export PATH="$_cxr_root/.venv/bin:$PATH" ;;
    esac
    export VIRTUAL_ENV="$_cxr_root/.venv"
    unset -f _cxr_is_prepared _cxr_wait_for_others _cxr_make_environment _cxr_make_airflow_home
    unset _cxr_root
else
    unset -f _cxr_is_prepared _cxr_wait_for_others _cxr_make_environment _cxr_make_airflow_home
    unset _cxr_root
    return 1
fi
