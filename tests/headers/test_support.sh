#!/bin/bash
# The first column of docs/support.md, the host's, is what `clgrad check --device host` gives now: the set of ops, their
# numbers of cases, and that none fails. Exit code 77 (skipped) without python3.
command -v python3 > /dev/null || { echo "skipped: no python3"; exit 77; }
exec "$(dirname "$0")/../../scripts/support" --check
