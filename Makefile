# make run     the whole pipeline through Airflow, on synthetic images unless told otherwise
# make remedy  RUN=NAME: what of a run's scores survives where shortcuts tell less; ONLY=lungs,alike
# make test    every test but those of the heavy suites, a process to a core: 5 minutes on two
# make test-slow      whole runs and trainings, kills, more cases of what make test has one of
# make test-all       both of them: every test but those of the three suites that follow
# make test-browser   Airflow's UI in a real Chromium
# make test-cluster   Celery workers on PostgreSQL and Redis, one of them killed
# make test-containers  the image built, docker-compose.yaml run, a worker killed; needs root
# make fuzz    hostile files, settings and addresses, some 18,000; 3 minutes, CASES=500 a test
# make ui      Airflow's UI, with the DAG ready to be triggered
# make bench   speed and scale, and the study's procedure beside this one's; QUICK=1: that only
# make gpu-check  speed, memory and equal numbers on a graphics card, 8 minutes; QUICK=1, OUT=FILE
# make audit-rates  false alarms of the audit, planted shortcuts found; 20 minutes, WEIGHTS=FILE;
#              on real normals: REAL='a.zip b.zip', zip files with a folder NORMAL; 36 minutes
# make rejection-rates  how often the tests find a difference where there is none; minutes
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
.PHONY: help run remedy test test-slow test-all test-browser test-cluster test-containers fuzz ui \
	bench gpu-check audit-rates rejection-rates chaos rot lint lock audit-deps sbom licences

SWITCHES := FOLLOW_LINKS CLASS_WEIGHTS FORCE PROMOTE APPROVAL ALLOW_SHORTCUT

# What is typed for the environment of what runs, and not as a setting.
# Kaggle's by name: KAGGLE_DATASET is a setting.
ENVIRONMENT := AIRFLOW_% CUDA_% CXR_% HOME KERAS_% LANG LC_% MAKE% PATH PYTHON% SHELL TF_% TMPDIR \
	VIRTUAL_ENV XDG_% XLA_% %_PROXY %_proxy $(addprefix KAGGLE_,API_ENVIRONMENT API_TOKEN CONFIG_DIR \
	KEY USERNAME)

# Only what is typed after `make run` counts: a variable of the shell that happens to be called
# DATA or SEED does not. All that is typed counts: the command refuses what it does not know.
typed = $(filter command,$(origin $(1)))
all_typed = $(sort $(filter-out $(ENVIRONMENT),$(foreach name,$(.VARIABLES),$(if $(call typed,$(name)),$(name)))))
lower = $(shell printf %s $(call quoted,$(1)) | tr 'A-Z_' 'a-z-')
quoted = '$(subst ','\'',$(1))'
flag = $(if $(call typed,$(1)),--$(call lower,$(1))=$(call quoted,$($(1))))
switch = $(if $(strip $($(1))),--$(if $(filter 0 no false off,$(call lower,$($(1)))),no-)$(call \
	lower,$(1))$(if $(filter 1 yes true on 0 no false off,$(call lower,$($(1)))),,=$(call quoted,$($(1)))))

help:
	@sed -n '/^# /s/^# //p;/^$$/q' Makefile

run:
	@. ./activate.sh && exec python -m cxr_tasks run --airflow \
		$(foreach name,$(filter-out $(SWITCHES),$(all_typed)),$(call flag,$(name))) \
		$(foreach name,$(filter $(SWITCHES),$(all_typed)),$(call switch,$(name)))

remedy:
	@. ./activate.sh && exec python -m cxr_tasks remedy $(call flag,RUN) $(call flag,ONLY)

# A file's tests stay in one process, which makes what they share once. A process may take 2.5 GB.
PARALLEL := --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Whole runs that share the cores with others: a slow machine needs more than the usual 300 seconds.
PATIENT := --timeout 900

test:
	@. ./activate.sh && exec python -m pytest $(PARALLEL)

test-slow:
	@. ./activate.sh && exec python -m pytest $(PARALLEL) $(PATIENT) -m slow

test-all:
	@. ./activate.sh && exec python -m pytest $(PARALLEL) $(PATIENT) \
		-m 'not browser and not cluster and not containers'

test-browser:
	@. ./activate.sh && exec python -m pytest -m browser

test-cluster:
	@. ./activate.sh && exec python -m pytest -m cluster

# What was measured is printed.
test-containers:
	@. ./activate.sh && exec python -m pytest -m containers --capture=no --verbose tests/containers

fuzz:
	@. ./activate.sh && CXR_FUZZ_CASES=$${CASES:-500} exec python -m pytest $(PARALLEL) $(PATIENT) \
		tests/fuzz tests/plugins/test_hostile_routes.py

ui:
	@. ./activate.sh && exec python -m cxr_tasks ui

bench:
	@. ./activate.sh && exec python -m bench $(call flag,DATA) $(call flag,WEIGHTS) \
		$(if $(filter-out 0,$(QUICK)),--quick)

# Without .venv, as on a bare machine that has a card: what is installed there, TensorFlow or JAX.
gpu-check:
	@[ ! -d .venv ] || . ./activate.sh && exec $(if $(wildcard .venv),python,$${PYTHON:-python3}) \
		-m bench.gpu_check $(call flag,OUT) $(if $(filter-out 0,$(QUICK)),--quick)

audit-rates:
	@. ./activate.sh && exec python -m $(if $(call typed,REAL),bench.real $(REAL),bench.audit_rates) \
		$(call flag,WEIGHTS) $(call flag,SETS)

rejection-rates:
	@. ./activate.sh && exec python -m bench.rejection_rates $(call flag,REPEATS) $(call flag,SEED)

chaos:
	@. ./activate.sh && exec python -m chaos $(if $(call typed,N),--kills '$(N)') $(call flag,SEED)

rot:
	@. ./activate.sh && exec python -m chaos --rot $(call flag,SEED)

lint:
	@. ./activate.sh && ruff check . && ruff format --check . && mypy cxr_tasks dags plugins tests bench chaos supply

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
PROJECT := pyproject.toml --extra cluster
LOCKED := --constraints requirements.lock

lock:
	$(COMPILE) $(PROJECT) --extra dev --output-file requirements.lock
	$(COMPILE) $(PROJECT) $(LOCKED) --output-file requirements-cpu.lock
	$(COMPILE) $(PROJECT) $(LOCKED) --extra gpu --output-file requirements-gpu.lock
	@mkdir -p dist
	$(COMPILE) $(PROJECT) $(LOCKED) --extra lineage --output-file dist/lineage.lock
	. ./activate.sh && python -m supply.lock_beside requirements.lock dist/lineage.lock > requirements-lineage.lock
	$(COMPILE) --group supply --output-file requirements-supply.lock

SUPPLY := .venv-supply/bin

.venv-supply/installed.lock: requirements-supply.lock
	@$${PYTHON:-python3} -m venv .venv-supply
	@$(SUPPLY)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--only-binary=:all: -r $<
	@cp $< $@

audit-deps: .venv-supply/installed.lock
	@mkdir -p dist; $(SUPPLY)/pip-audit --vulnerability-service osv --disable-pip --require-hashes \
		--strict --progress-spinner off -r requirements.lock -r requirements-gpu.lock \
		-r requirements-lineage.lock 2> dist/audit.log \
		|| { if grep -q '^Traceback' dist/audit.log; then \
		echo 'Nothing was audited: OSV could not be asked. The end of dist/audit.log says why:'; fi; \
		tail -n 1 dist/audit.log; exit 1; } >&2

sbom: .venv-supply/installed.lock
	@. ./activate.sh && mkdir -p dist && $(SUPPLY)/cyclonedx-py environment --output-reproducible \
		--pyproject pyproject.toml --output-format JSON --output-file dist/sbom.json .venv/bin/python
	@echo dist/sbom.json

licences: .venv-supply/installed.lock
	@. ./activate.sh && mkdir -p dist && python -m supply.licences > dist/licences.md && mv dist/licences.md docs/
