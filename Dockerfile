# One image for every part of the cluster; nothing is written into it at run time.
#
#   docker build --tag cxr-pipeline:cpu .                         trainings on the processor
#   docker build --tag cxr-pipeline:gpu --build-arg BUILD=gpu .   the same, and NVIDIA's libraries
#
# A GPU machine needs the card's driver and the NVIDIA Container Toolkit; CUDA comes as wheels.
# Needs BuildKit, the default since Docker 23 (before it: DOCKER_BUILDKIT=1). Behind a mirror or a
# proxy its configuration comes in as secrets, which stay out of the image (docs/cluster.md).
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

# What the lock names, without what only a compiler, a debugger or a test of those packages reads.
FROM ${PYTHON_IMAGE} AS installed

RUN --mount=type=secret,id=apt,target=/etc/apt/apt.conf.d/99-build \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    apt-get update && apt-get install --yes --no-install-recommends binutils

ARG BUILD=cpu
COPY requirements-${BUILD}.lock /build/requirements.lock
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes \
        --only-binary=:all: -r /build/requirements.lock -c /build/requirements.lock
RUN cd /opt/venv/lib/python3*/site-packages \
    && rm -r tensorflow/include \
    && find matplotlib numpy pandas pywt scipy sklearn -name tests -type d -prune -exec rm -r {} + \
    && strip --strip-unneeded tensorflow/libtensorflow_*.so.2


FROM ${PYTHON_IMAGE}

# A fixed number, so that files on the shared volume belong to the same user in every container.
# Group 0, as in Airflow's own image: platforms that choose the user themselves keep that group.
RUN useradd --uid 50000 --gid 0 --create-home airflow \
    && mkdir -p /opt/airflow/logs /cxr-home/notes \
    && chown -R 50000:0 /opt/airflow /cxr-home \
    && chmod -R g=u /opt/airflow /cxr-home /home/airflow

COPY --from=installed /opt/venv /opt/venv

COPY pyproject.toml README.md /opt/cxr/
COPY cxr_tasks /opt/cxr/cxr_tasks
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-deps \
        --no-build-isolation /opt/cxr \
    && rm -r /opt/cxr/build /opt/cxr/*.egg-info
COPY dags /opt/cxr/dags
COPY plugins /opt/cxr/plugins
COPY deploy /opt/cxr/deploy

ENV PATH=/opt/venv/bin:$PATH \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/cxr/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/cxr/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    CXR_HOME=/cxr-home \
    HOME=/home/airflow \
    USER=airflow \
    PYTHONUNBUFFERED=1

USER 50000:0
WORKDIR /opt/airflow
ENTRYPOINT ["sh", "/opt/cxr/deploy/entrypoint.sh"]
CMD ["airflow", "version"]
