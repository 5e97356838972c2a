# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0

# make venv          .venv: ROS 2 Jazzy from wheels, torch and this package
# make test          all tests, on Jazzy
# make test-kilted   the tests whose outcome ROS 2 has a part in, on Kilted, in .venv-kilted
# make demo          a generated street, through the real node: pictures and a table in demo/; or
#                    IMAGES=<folder>, with another network MODEL=<name> WEIGHTS=<checkpoint>
# make bench         how fast and how fresh, beside today's way, in four minutes: docs/performance.md
# make bench-full    the same, and what it grows with, in a quarter of an hour
# make gpu-check     all that a machine with a GPU can tell, in ten minutes, into OUT=<folder>; on one
#                    without a network with ROS=<file>, see benchmarks/gpu_check.py
# make fuzz          bad bytes to everything that reads such, for SECONDS=600: docs/reliability.md
# make soak          a node with a camera and readers that come and go, for MINUTES=15
# make docs          the pages of docs/ as a site with a search: site/index.html
# make clean         removes what the others made

PYTHON ?= python3
MODEL ?= compact
WEIGHTS ?=
IMAGES ?=
OUT ?= gpu
ROS ?=
SECONDS ?= 600
MINUTES ?= 15

# A ROS 2 that is sourced in this shell would be found before the wheels.
unexport AMENT_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH RMW_IMPLEMENTATION \
	_ROS_WHEELS_BOOTSTRAP_COMPLETE

# Folders too: their time changes when a file in them goes.
SOURCES := setup.py setup.cfg package.xml $(shell \
	find depth_estimation_ros launch config scripts resource -name __pycache__ -prune -o -print)

# The rest is arithmetic, networks and files, and the same on every distribution.
ROS_TESTS := test/node test/commands test/launch

# Most of a test's time is waiting for another process; each worker has a DDS domain of its own.
SIDE_BY_SIDE := -n 2 --dist loadfile

.PHONY: venv test test-kilted demo bench bench-full gpu-check fuzz soak docs clean
.NOTPARALLEL:

venv: .venv/installed

test: .venv/installed
	.venv/bin/python -m pytest $(SIDE_BY_SIDE)

test-kilted: .venv-kilted/installed
	.venv-kilted/bin/python -m pytest $(SIDE_BY_SIDE) $(ROS_TESTS)

demo: .venv/installed
	.venv/bin/depth_estimation demo --model "$(MODEL)" --weights "$(WEIGHTS)" --images "$(IMAGES)"

# From the checkout, where the benchmarks are: what is measured is its package.
bench: .venv/installed
	.venv/bin/python -m benchmarks.bench

bench-full: .venv/installed
	.venv/bin/python -m benchmarks.bench --full

gpu-check: $(if $(ROS),,.venv/installed)
	$(if $(ROS),$(PYTHON),.venv/bin/python) -m benchmarks.gpu_check "$(OUT)" $(if $(ROS),--ros "$(ROS)")

fuzz: .venv/installed
	PYTHONPATH=.:test .venv/bin/python test/fuzzing.py --seconds $(SECONDS)

soak: .venv/installed
	PYTHONPATH=.:test .venv/bin/python test/soaking.py --minutes $(MINUTES)

docs: .venv/docs
	.venv/bin/python -m sphinx -q -W --keep-going -b html docs site

clean:
	rm -rf .venv .venv-kilted build install log demo gpu site bench.json *.egg-info

.venv/dependencies: EXTRA := jazzy
.venv-kilted/dependencies: EXTRA := kilted

# What was interrupted is made anew: pip takes a package that is half there for installed.
.venv/dependencies .venv-kilted/dependencies: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' || { \
	  echo 'make: $(PYTHON) is not Python 3.10 to 3.14, for which there are ROS 2 wheels: say' \
	       'which to take, for instance make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo 'make: $(PYTHON) cannot make virtual environments: install its venv module' \
	       '(apt install python3-venv)' >&2; exit 1; }
	@if [ -e $(@D)/unfinished ]; then rm -rf $(@D); fi
	@mkdir -p $(@D) && touch $(@D)/unfinished
	@[ -x $(@D)/bin/pip ] || $(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install -c constraints.txt setuptools '.[$(EXTRA),cli,h5,onnx,transformers,test]'
	@touch $@ && rm $(@D)/unfinished

.venv/docs: .venv/installed
	.venv/bin/pip install --quiet -c constraints.txt '.[docs]'
	@rm -rf build *.egg-info && touch $@

# Not editable: pip would leave out launch, config and lib, and ROS 2 would not find the package.
.venv/installed .venv-kilted/installed: %/installed: %/dependencies $(SOURCES)
	@rm -rf build
	$*/bin/pip install --quiet --no-deps --no-build-isolation --use-pep517 --force-reinstall .
	@rm -rf build *.egg-info && touch $@
