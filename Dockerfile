# One image for every part of the cluster; nothing is written into it at run time.
#
#   docker build .                         trainings on the processor
#   docker build --build-arg BUILD=gpu .   the same versions, and NVIDIA's libraries
#
# The machine needs the card's driver and the NVIDIA Container Toolkit; CUDA comes as wheels.
FROM python:3.11.14-slim-bookworm

ARG BUILD=cpu

# A fixed number, so that files on the shared volume belong to the same user in every container.
# Group 0, as in the official image: platforms that choose the user themselves keep that group.
RUN useradd --uid 50000 --gid 0 --create-home airflow \
    && mkdir -p /opt/airflow/logs /cxr-home \
    && chown -R 50000:0 /opt/airflow /cxr-home \
    && chmod -R g=u /opt/airflow /cxr-home /home/airflow

COPY requirements*.lock /opt/cxr/
RUN case "$BUILD" in \
        cpu) lock=requirements.lock ;; \
        gpu) lock=requirements-gpu.lock ;; \
        *) echo "BUILD=$BUILD is neither cpu nor gpu." >&2; exit 1 ;; \
    esac \
    && python -m pip install --no-cache-dir --require-hashes --only-binary=:all: \
        -r "/opt/cxr/$lock" -c "/opt/cxr/$lock"

COPY pyproject.toml README.md /opt/cxr/
COPY cxr_tasks /opt/cxr/cxr_tasks
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation /opt/cxr
COPY dags /opt/cxr/dags
COPY plugins /opt/cxr/plugins
COPY deploy /opt/cxr/deploy

ENV AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/cxr/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/cxr/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    CXR_HOME=/cxr-home \
    HOME=/home/airflow \
    PYTHONUNBUFFERED=1

USER 50000:0
WORKDIR /opt/airflow
CMD ["airflow", "version"]
