#!/bin/bash
# A driver that crashes, ends the process, hangs or refuses at its first build (faulty_icd.c), or crashes at a later program
# (faulty_layer.c), as a user of the command meets it: the child process takes the blow, a message says so once, the device is refused and another one is used;
# the finding is kept for that driver version and can be asked again. Exit code 77: skipped.
set -u
here=$(cd "$(dirname "$0")" && pwd)
command=${CLGRAD_COMMAND:?set by CTest}
[[ -x $(dirname "$command")/clgrad-probe ]] || { echo "skipped: this build has no OpenCL"; exit 77; }
[[ ${CLGRAD_SANITIZE:-} != thread ]] || { echo "skipped: the loader and the thread sanitizer do not go together"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${CC:-cc}" -shared -fPIC -o "$folder/faulty.so" "$here/faulty_icd.c" || {
    echo "skipped: no C compiler, or no CL/cl_icd.h"
    exit 77
}
mkdir "$folder/vendors"
echo "$folder/faulty.so" > "$folder/vendors/faulty.icd"
pocl=/etc/OpenCL/vendors/pocl.icd
export OCL_ICD_VENDORS=$folder/vendors CLGRAD_CACHE_DIR=$folder/cache FAULTY_VERSION=1 CLGRAD_ISOLATE_LIMIT=300
unset CLGRAD_DEVICE CLGRAD_QUIRKS CLGRAD_ISOLATE CLGRAD_PROBE
failures=0

# run WHAT CODE ARGUMENT...: the command's output lies in $folder/out and err then.
run()
{
    local what=$1 code=$2 got
    shift 2
    timeout 700 "$command" "$@" > "$folder/out" 2> "$folder/err"
    got=$?
    ((got == code)) || fail "$what: exit code $got, wanted $code"
}

fail()
{
    echo "FAILED: $1:"
    cat "$folder/out" "$folder/err"
    failures=$((failures + 1))
}

# says WHAT FILE PATTERN, silent WHAT FILE PATTERN
says() { grep -qE -- "$3" "$folder/$2" || fail "$1: not said: $3"; }
silent() { ! grep -qE -- "$3" "$folder/$2" || fail "$1: said: $3"; }

FAULTY_ICD=refuse run "loader" 0 devices --no-probe
grep -q 'Faulty Device' "$folder/out" || { echo "skipped: the loader does not take the driver"; exit 77; }

# --- Each way of dying: refused with the reason, the host takes over ---
step="--samples 40 --batch 20 --max-steps 1"
version=1
while read -r FAULTY_ICD CLGRAD_ISOLATE_LIMIT how; do
    export FAULTY_ICD FAULTY_VERSION=$((version++)) CLGRAD_ISOLATE_LIMIT
    run "$FAULTY_ICD" 0 train mlp $step
    says "$FAULTY_ICD" err "^warning: device 0:0 \(Faulty Device\) is refused: its driver $how at the first kernels"
    says "$FAULTY_ICD" out '^device: .*because no OpenCL device can be used'
    silent "$FAULTY_ICD" out noise
    run "$FAULTY_ICD kept" 0 devices
    silent "$FAULTY_ICD kept" err 'is refused' # told once, kept for the list
    says "$FAULTY_ICD kept" out "refused: its driver $how .*CLGRAD_QUIRKS=CRASHED tries it again"
    run "$FAULTY_ICD by name" 3 train mlp $step --device faulty
    says "$FAULTY_ICD by name" err "cannot be used: its driver $how"
done << 'WAYS'
crash 300 crashed \((signal 11|exit code [0-9]+)\)
exit 300 crashed \(exit code 0\)
hang 1 hung \(1 s and no end\)
WAYS

CLGRAD_ISOLATE_LIMIT=300

# --- Asked again, and a new driver version: the old finding does not count ---
export FAULTY_ICD=refuse FAULTY_VERSION=1
CLGRAD_QUIRKS=CRASHED run "asked again" 0 devices
says "asked again" out 'refused: build: CL_BUILD_PROGRAM_FAILURE \(-11\): faulty: nothing builds'
FAULTY_VERSION=new run "new version" 0 devices
says "new version" out 'refused: build: CL_BUILD_PROGRAM_FAILURE'

# --- What a report holds: the driver's answers and the finding, and no path of this machine ---
export FAULTY_ICD=crash FAULTY_VERSION=1
CLGRAD_QUIRKS=CRASHED run "record" 0 devices --record "$folder/machine.json"
cp "$folder/machine.json" "$folder/out"
says "record" out '"CL_DEVICE_NAME": "Faulty Device"'
says "record" out '"probe": "vector 0 tile 0 .* died 1 .*crashed'
silent "record" out '["; ]/[a-z]'
run "record nowhere" 4 devices --record "$folder/none/machine.json"
says "record nowhere" err 'none/machine.json'
export FAULTY_ICD=refuse

# --- Usable without the helper, and when it cannot start: the driver is met in the process itself ---
for helper in /dev/null /bin/true "$folder/none"; do
    FAULTY_VERSION=here CLGRAD_PROBE=$helper run "without the helper" 0 devices
    says "without the helper" out 'noise'
    says "without the helper" out 'refused: build: CL_BUILD_PROGRAM_FAILURE'
done

# --- The next device is taken where there is one ---
if [[ -e $pocl ]]; then
    cp "$pocl" "$folder/vendors/"
    export FAULTY_ICD=crash FAULTY_VERSION=5
    run "next device" 0 train mlp $step
    says "next device" err '^warning: device [01]:0 \(Faulty Device\) is refused: its driver crashed'
    says "next device" out '^device: .*because it is the only OpenCL device that can be used, 1 refused'
    # A driver that works is met in a child process just as well: by what the child answers, and a training step there.
    rm -rf "$folder/cache"
    mkdir "$folder/dump"
    OCL_ICD_VENDORS=$pocl CLGRAD_QUIRKS=KNOWN_GOOD CLGRAD_ISOLATE_LIMIT=600 CLGRAD_DUMP_DIR=$folder/dump \
        run "a good driver" 0 devices
    grep -q 'conv_' "$folder"/dump/*.cl || fail "a good driver: no training step was built"
    says "a good driver" out '; cpu family [0-9.]+, gpu family [0-9.]+ GFLOP/s'
    silent "a good driver" out 'refused'
    # One that then crashes at some program: it happens in a child process, another kernel does the work, told once.
    if "${CC:-cc}" -shared -fPIC -o "$folder/layer.so" "$here/faulty_layer.c" 2> "$folder/err"; then
        export OPENCL_LAYERS=$folder/layer.so FAULTY_WORD=cl/matmul_dot.cl FAULTY_COUNT=$folder/count FAULTY_ICD=crash
        export OCL_ICD_VENDORS=$pocl CLGRAD_QUIRKS=KNOWN_GOOD CLGRAD_ISOLATE_LIMIT=600
        run "a bad program" 0 train mlp $step --device pocl
        if [[ -s $folder/count ]]; then
            says "a bad program" err '^warning: matmul: a kernel cannot be used, another takes over: .*crashed \(signal 11\)'
            (($(grep -c 'another takes over' "$folder/err") == 1)) || fail "a bad program: not told once"
            says "a bad program" out '^done: .*fallbacks 0'
            met=$(wc -l < "$folder/count")
            rm "$folder/count"
            run "a bad program kept" 0 train mlp $step --device pocl
            says "a bad program kept" err 'crashed \(signal 11\)'
            (($(cat "$folder/count" 2> /dev/null | wc -l) < met)) || fail "a bad program kept: all was built again"
        else
            echo "not seen: a bad program: the loader has no layers"
        fi
        unset OPENCL_LAYERS FAULTY_WORD
    fi
fi

((failures)) || echo "crash, exit, hang and refusal: each told, kept, and passed over"
exit $((failures > 0))
