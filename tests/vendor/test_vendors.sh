#!/bin/bash
# The kernels that the planner can make, and their parameters, are those of docs/vendors.md; a few programs with every
# template among them compile for a device of each vendor whose offline compiler is here, without spills.
# test_slow_vendors.sh compiles more, for all of them. Exit code 77 (skipped) without any of the compilers.
exec "$(dirname "$0")/../../scripts/vendors" --quick
