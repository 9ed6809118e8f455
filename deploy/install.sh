#!/bin/sh
# Make .venv and install the project into it, with the exact versions of constraints.txt and compiled bytecode.
#   sh deploy/install.sh PYTHON EXTRA[,EXTRA ...]
# Safe to repeat: what was interrupted is taken up again. uv is used where it is there, else venv and pip.
set -eu
python=$1
extra=$2
if [ -z "$python" ]; then
  echo "Python 3.11, 3.12 or 3.13 is needed and was not found. Install it, or name it: make run PYTHON=/path/to/python3" >&2
  exit 1
fi
echo "Setting up .venv with $("$python" --version) ($extra). The first time takes a minute or two."
if command -v uv >/dev/null 2>&1; then
  [ -x .venv/bin/python ] || uv venv --quiet --python "$python" .venv
  uv pip install --python .venv/bin/python --compile-bytecode --constraint constraints.txt \
    --build-constraint constraints.txt --editable ".[$extra]"
else
  if ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
    echo "Python's venv module is incomplete: install it (on Debian: apt-get install python3-venv), then try again." >&2
    exit 1
  fi
  [ -x .venv/bin/pip ] || "$python" -m venv .venv
  # The variable reaches the isolated build as well, which the option --constraint does not.
  PIP_CONSTRAINT=constraints.txt .venv/bin/python -m pip install --disable-pip-version-check --no-input \
    --progress-bar off --compile --editable ".[$extra]"
fi
for room in milk milk_assets milk_serving; do
  # An image may hold a part of them.
  [ ! -d "$room" ] || .venv/bin/python -m compileall -q "$room"
done
echo "Set up."
