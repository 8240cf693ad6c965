#!/bin/bash
# docs/env.md and docs/ops.md say what `clgrad env` and `clgrad ops` say, and every file that a document links to exists.
#   test_docs.sh --write    writes the two anew
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
clgrad=${CLGRAD_COMMAND:-$root/build/clgrad}

page()
{
    local verb=$1 title=$2 text=$3
    printf '# %s\n\n%s This page is the output of `clgrad %s`.\n\n```\n' "$title" "$text" "$verb"
    # Values that happen to be set are not part of the table.
    /usr/bin/env -i PATH="$PATH" HOME="${HOME:-/}" "$clgrad" "$verb" || return 1
    printf '```\n'
}

env_page() { page env 'Environment variables' 'The library and the command read these.'; }
ops_page() { page ops 'Ops' 'What a graph can record. Prototypes and shapes are in `include/clgrad/ops.h`; elementwise formulas in
`include/clgrad/elementwise.def`.'; }

if [[ ${1:-} == --write ]]; then
    env_page > "$root/docs/env.md" && ops_page > "$root/docs/ops.md"
    exit
fi

failed=0
diff -u "$root/docs/env.md" <(env_page) || failed=1
diff -u "$root/docs/ops.md" <(ops_page) || failed=1
((failed)) && echo "$0 --write brings the pages up to date"

cd "$root" || exit 1
documents=(*.md docs/*.md)
# Functions, types and constants that a document names are in the public headers.
words=$(cat include/clgrad/*.h include/clgrad/*.def include/clgrad/sys/*.h
    sed -nE 's/^STATUS\((\w+).*/CLG_\1/p' include/clgrad/status.def
    sed -nE 's/^DTYPE\((\w+).*/CLG_\1/p' include/clgrad/dtype.def
    sed -nE 's/^[A-Z]+\((\w+),.*/clg_\1/p' include/clgrad/elementwise.def)
for document in "${documents[@]}"; do
    comm -23 <(grep -oE '\b(clg|CLG)_[A-Za-z0-9_]+\b' "$document" | sort -u) \
        <(grep -oE '\b(clg|CLG)_[A-Za-z0-9_]+\b' <<< "$words" | sort -u) | grep -vE 'NAME|TOPIC|_X' |
        sed "s|^|$document: no public name |" | grep . && failed=1
done

for document in "${documents[@]}"; do
    while IFS= read -r link; do
        [[ $link == *://* || $link == \#* ]] && continue
        [[ -e $root/$(dirname "$document")/${link%%#*} ]] || { echo "$document: no $link"; failed=1; }
    done < <(grep -oE '\]\([^)]+\)' "$root/$document" | sed 's/^](//; s/)$//')
    # Paths in code marks: those that begin with a folder of ours.
    while IFS= read -r path; do
        [[ -e $root/$path ]] || { echo "$document: no $path"; failed=1; }
    done < <(grep -oE '`(src|include|cl|cli|check|tests|recipes|examples|benchmarks|docs|cmake|scripts)/[A-Za-z0-9_./-]+`' \
        "$root/$document" | tr -d '`' | grep -vE 'NAME|TOPIC|/X[._]')
done
exit $failed
