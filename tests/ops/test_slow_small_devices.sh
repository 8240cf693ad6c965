#!/bin/bash
# test_small_devices.sh with every fifth case of each op, both families.
export SMALL_DEVICES_CASES=${SMALL_DEVICES_CASES:-"--every 5"} SMALL_DEVICES_FILTER=${SMALL_DEVICES_FILTER-}
export SMALL_DEVICES_METHOD_FILTER=${SMALL_DEVICES_METHOD_FILTER-f32 [65,} SMALL_DEVICES_FAMILIES='cpu gpu'
exec "$(dirname "$0")/test_small_devices.sh"
