#!/bin/sh
# Rebuild the sample captures; needs root. Options go to build.py.
export PYTHONDONTWRITEBYTECODE=1
exec "${PYTHON:-python3}" "$(dirname "$0")/build.py" "$@"
