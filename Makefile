# make run     the whole pipeline through Airflow, on synthetic images unless told otherwise
# make test    every test but those of the heavy suites:
# make test-slow      whole runs: through the DAGs, on real images, of the benchmark
# make test-browser   Airflow's UI in a real Chromium
# make test-cluster   Celery workers on PostgreSQL and Redis, one of them killed
# make fuzz    hostile files, settings and addresses, some 18,000; 3 minutes, CASES=500 a test
# make ui      Airflow's UI, with the DAG ready to be triggered
# make bench   speed and scale, and the study's procedure beside this one's; QUICK=1: that only
# make audit-rates  false alarms of the audit, planted shortcuts found; 20 minutes, WEIGHTS=FILE
# make chaos   stages killed at random moments and run again: N=30 kills, SEED=1
# make rot     a bit flipped in each of 20 kinds of artifact: noticed, named, mended?
# make lint    ruff and mypy
# make lock    resolve the locks anew (needs uv)
# make audit-deps  known vulnerabilities of the locked packages, asked of OSV; fails unasked
# make sbom        what .venv holds, as CycloneDX: dist/sbom.json
# make licences    what the locked packages say of their licences: docs/licences.md
#
# `make run` takes every setting of `python -m cxr_tasks run --help` in capitals, for example
# make run SOURCE=zip DATA=covid.zip PROFILE=paper WEIGHTS=mobilenet.weights.h5 EPOCHS=3
# A switch is on with 1 and off with 0: FORCE=1 PROMOTE=0

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-browser test-cluster fuzz ui bench audit-rates chaos rot lint lock \
	audit-deps sbom licences

SETTINGS := RUN PROFILE VARIANTS SEED SOURCE DATA PRESET COVID_GLOB NORMAL_GLOB \
	KAGGLE_DATASET PATIENTS PHANTOM_IMAGES MAX_REJECTED_FRACTION SPLIT FOLDS REPEATS \
	EPOCHS PATIENCE BATCH_SIZE WEIGHTS PRECISION THREADS MIN_SENSITIVITY PREVALENCE \
	EXTERNAL_SOURCE EXTERNAL_DATA EXTERNAL_PRESET EXTERNAL_PATIENTS
SWITCHES := FOLLOW_LINKS CLASS_WEIGHTS FORCE PROMOTE ALLOW_SHORTCUT

# Only what is typed after `make run` counts: a variable of the shell that happens to be called
# DATA or SEED does not.
typed = $(filter command,$(origin $(1)))
dashed = $(shell echo $(1) | tr 'A-Z_' 'a-z-')
flag = $(if $(call typed,$(1)),--$(call dashed,$(1)) '$($(1))')
switch = $(if $(call typed,$(1)),--$(if $(filter 0 no false,$($(1))),no-)$(call dashed,$(1)))

help:
	@sed -n '/^# /s/^# //p;/^$$/q' Makefile

run:
	@. ./activate.sh && exec python -m cxr_tasks run --airflow \
		$(foreach setting,$(SETTINGS),$(call flag,$(setting))) \
		$(foreach setting,$(SWITCHES),$(call switch,$(setting)))

test:
	@. ./activate.sh && exec python -m pytest

test-slow:
	@. ./activate.sh && exec python -m pytest -m slow

test-browser:
	@. ./activate.sh && exec python -m pytest -m browser

test-cluster:
	@. ./activate.sh && exec python -m pytest -m cluster

fuzz:
	@. ./activate.sh && CXR_FUZZ_CASES=$${CASES:-500} exec python -m pytest tests/fuzz \
		tests/plugins/test_hostile_routes.py

ui:
	@. ./activate.sh && exec python -m cxr_tasks ui

bench:
	@. ./activate.sh && exec python -m bench $(call flag,DATA) $(call flag,WEIGHTS) \
		$(if $(filter-out 0,$(QUICK)),--quick)

audit-rates:
	@. ./activate.sh && exec python -m bench.audit_rates $(call flag,WEIGHTS) $(call flag,SETS)

chaos:
	@. ./activate.sh && exec python -m chaos $(if $(call typed,N),--kills '$(N)') $(call flag,SEED)

rot:
	@. ./activate.sh && exec python -m chaos --rot $(call flag,SEED)

lint:
	@. ./activate.sh && ruff check . && ruff format --check . && mypy cxr_tasks dags plugins tests bench chaos supply

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
PROJECT := pyproject.toml --extra cluster

lock:
	$(COMPILE) $(PROJECT) --extra dev --output-file requirements.lock
	$(COMPILE) $(PROJECT) --extra gpu --constraints requirements.lock --output-file requirements-gpu.lock
	$(COMPILE) --group supply --output-file requirements-supply.lock

SUPPLY := .venv-supply/bin

.venv-supply/installed.lock: requirements-supply.lock
	@$${PYTHON:-python3} -m venv .venv-supply
	@$(SUPPLY)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--only-binary=:all: -r $<
	@cp $< $@

audit-deps: .venv-supply/installed.lock
	@mkdir -p dist; $(SUPPLY)/pip-audit --vulnerability-service osv --disable-pip --require-hashes \
		--strict --progress-spinner off -r requirements.lock -r requirements-gpu.lock 2> dist/audit.log \
		|| { if grep -q '^Traceback' dist/audit.log; then \
		echo 'Nothing was audited: OSV could not be asked. The end of dist/audit.log says why:'; fi; \
		tail -n 1 dist/audit.log; exit 1; } >&2

sbom: .venv-supply/installed.lock
	@. ./activate.sh && mkdir -p dist && $(SUPPLY)/cyclonedx-py environment --output-reproducible \
		--pyproject pyproject.toml --output-format JSON --output-file dist/sbom.json .venv/bin/python
	@echo dist/sbom.json

licences: .venv-supply/installed.lock
	@. ./activate.sh && mkdir -p dist && python -m supply.licences > dist/licences.md && mv dist/licences.md docs/
