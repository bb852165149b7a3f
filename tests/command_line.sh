#!/usr/bin/env bash
# The commands on files, as a user calls them: what they print, where, and how they end.
#
#   tests/command_line.sh COMMAND...     the program and its first arguments: artifacts/native/cli/simdembed, or dotnet simdembed.dll
#
# Ends with one line: N passed, N failed.
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: tests/command_line.sh COMMAND..." >&2; exit 2; }
command=("$@")
files=$(cd "$(dirname "$0")" && pwd)/SimdEmbed.Tests/Golden/files
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
check() { # check NAME COMMAND...
  local name=$1; shift
  if "$@"; then passed=$((passed + 1)); echo "passed: $name"; else failed=$((failed + 1)); echo "FAILED: $name"; cat "$work/out" "$work/error" || true; fi
}
ends() { # ends CODE ARGUMENTS...: that exit code; of 1 and 2, with one line on standard error and nothing on standard output
  local code=$1 actual=0; shift
  "${command[@]}" "$@" > "$work/out" 2> "$work/error" || actual=$?
  [ "$actual" = "$code" ] || return 1
  [ "$code" = 0 ] || { [ "$(wc -l < "$work/error")" = 1 ] && [ ! -s "$work/out" ]; }
}
says() { # says PATTERN ARGUMENTS...: succeeds, and a line of its output matches
  local pattern=$1; shift
  ends 0 "$@" && grep -qE "$pattern" "$work/out"
}
refuses() { # refuses CODE PATTERN ARGUMENTS...
  local code=$1 pattern=$2; shift 2
  ends "$code" "$@" && grep -qE "$pattern" "$work/error"
}
json() { # json PATTERN ARGUMENTS...: one JSON document and nothing else
  local pattern=$1; shift
  ends 0 "$@" --json && [ ! -s "$work/error" ] && grep -qE "$pattern" "$work/out" || return 1
  [ ! -x /usr/bin/python3 ] || /usr/bin/python3 -c 'import json, sys; json.load(sys.stdin)' < "$work/out"
}
table() { # table FILE ROWS DIM SHIFT: zeros, SHIFT bytes behind a 64-byte line
  local header=$((118 + $4))
  printf "\\x93NUMPY\\x01\\x00\\x$(printf %x $header)\\x00%-$((header - 1))s\\n" "{'descr': '<f4', 'fortran_order': False, 'shape': ($2, $3), }" > "$1"
  truncate -s $((10 + header + $2 * $3 * 4)) "$1"
}

table "$work/aligned.npy" 100 8 0
table "$work/shifted.npy" 100 8 3
table "$work/large.npy" 1048576 128 0
table "$work/middle.npy" 65536 64 0

check "inspect lists names, types, shapes, bytes and places" says "emb.weight  float32 \[[0-9]+, [0-9]+\]  [0-9]+ bytes at [0-9]+, aligned to 64" inspect "$files/embeding.pth"
check "inspect says that rows on lines can be mapped" says "aligned to 64, can be mapped$" inspect "$work/aligned.npy"
check "inspect says that others are slower" says "aligned to 1, can be mapped, with slower lookups" inspect "$work/shifted.npy"
check "inspect shows norms when asked" says "row norms: min 0, quartiles 0 0 0, max 0; 100 zero rows" inspect --norms "$work/aligned.npy"
check "inspect prints one JSON document" json '"Alignment": *64|"alignment": *64' inspect "$work/aligned.npy"
check "convert to safetensors" says "Safetensors, 1 tensor, " convert "$work/aligned.npy" "$work/aligned.safetensors"
check "inspect shows the hashes" says "XxHash3 [0-9a-f]{16}" inspect "$work/aligned.safetensors"
check "verify reads them" says "1 tensor, 1 of them with a sum: nothing is wrong" verify "$work/aligned.safetensors"
check "verify prints one JSON document" json "." verify "$work/aligned.safetensors"
printf 'x' | dd of="$work/aligned.safetensors" bs=1 seek=$(($(stat -c %s "$work/aligned.safetensors") - 5)) conv=notrunc status=none
check "verify finds a changed byte" refuses 1 "^error: .*aligned.safetensors: .*XxHash3" verify "$work/aligned.safetensors"
check "convert one tensor by its key" says "Npy, 1 tensor, " convert "$files/embeding.pth" "$work/one.npy" --key emb.weight
check "convert prints one JSON document" json "." convert "$files/embeding.pth" "$work/two.npz"
check "a key that is none names those that are" refuses 1 "there is no tensor 'emb'.*'emb.weight'" convert "$files/embeding.pth" "$work/none.npy" --key emb
check "nothing was written for it" test ! -e "$work/none.npy"
check "lookup shows rows" says "^row 2 " lookup "$files/embeding.pth" --key emb.weight --indices 1,2
check "lookup needs no key for one table" says "^row 1 " lookup "$files/embeding.pth" --indices 1
check "lookup prints one JSON document" json "." lookup "$files/embeding.pth" --indices 1,2
check "lookup in a file of unaligned rows" says "^row 99 " lookup "$work/shifted.npy" --indices 99
check "an index that is no row" refuses 1 "^error: .*indices\[1\] = 100" lookup "$work/aligned.npy" --indices 1,100
check "an index that is no number" refuses 2 "^error: .*--indices" lookup "$work/aligned.npy" --indices one
check "words of one of several tables" refuses 1 "^error: .*arrays.npz: there is more than one table, .*'" lookup "$files/arrays.npz" --words the
check "lookup without indices" refuses 2 "^error: .*--indices" lookup "$work/aligned.npy"
check "a file that is not there" refuses 1 "^error: .*nowhere" inspect "$work/nowhere.npy"
check "a folder" refuses 1 "^error: " inspect "$work"
check "an argument too few" refuses 2 "^error: " convert "$work/aligned.npy"
check "an unknown option" refuses 2 "^error: .*--nonsense" verify "$work/aligned.npy" --nonsense
check "an unknown command" refuses 2 "^error: .*nonsense" nonsense
head -c 100 /dev/zero > "$work/zeros"
check "a file of no known format" refuses 1 "^error: .*zeros: is of no format that is read: .*safetensors, PyTorch nor NumPy.*word2vec" inspect "$work/zeros"
check "words into a file without a place for them" refuses 1 "^error: .*w2v.bin: an .npy file has no place for words" convert "$files/w2v.bin" "$work/words.npy"
check "a word that occurs again" ends 0 convert "$files/h_w2v_duplicate_word.txt" "$work/words.npz"
check "is said to have been passed over" grep -q "^note: 1 word occurs again; the first of each was kept$" "$work/error"
check "a file into itself" refuses 2 "^error: .*is the file of IN" convert "$work/aligned.npy" "$work/../$(basename "$work")/aligned.npy"

lines() { # progress where nobody watches: whole lines without any control character, and the last one says that all is done
  ends 0 convert "$work/middle.npy" "$work/middle.safetensors" || return 1
  [ "$(grep -c "^convert middle.npy: [0-9]* of 16777216 bytes$" "$work/error")" -ge 4 ] && ! grep -q "[[:cntrl:]]" "$work/error"
}
check "progress is plain lines when it is no terminal" lines

bar() { # on a terminal, made by util-linux's script, it is drawn in place
  script -qec "$(printf '%q ' "${command[@]}" convert "$work/large.npy" "$work/bar.safetensors")" /dev/null < /dev/null > "$work/error" 2>&1 || return 1
  grep -q "$(printf '\033')" "$work/error"
}
if command -v script > /dev/null; then check "progress is a bar on a terminal" bar; else echo "not run: progress on a terminal (no script)"; fi

interrupted() { # interrupted SIGNAL: a conversion over an old file; exit code 130, one line, and the folder as it was
  local folder=$work/$1 pid code before
  mkdir "$folder"
  ln "$work/large.npy" "$folder/large.npy"
  for _ in 1 2 3 4 5; do # again where it was done before it was told
    code=0
    echo old > "$folder/large.safetensors"
    before=$(ls -A "$folder")
    # What a shell starts in the background ignores Ctrl-C, and so does all that such a process starts.
    env --default-signal=INT "${command[@]}" convert "$folder/large.npy" "$folder/large.safetensors" --json > "$work/out" 2> "$work/error" & pid=$!
    until [ "$(ls -A "$folder" | wc -l)" = 3 ] || ! kill -0 "$pid" 2> /dev/null; do :; done
    kill "-$1" "$pid" || true
    wait "$pid" || code=$?
    [ "$code" = 0 ] || break
  done
  [ "$code" = 130 ] && [ "$(ls -A "$folder")" = "$before" ] && [ "$(cat "$folder/large.safetensors")" = old ] && [ "$(wc -l < "$work/error")" = 1 ]
}
check "Ctrl-C leaves the folder as it was" interrupted INT
check "a request to end leaves the folder as it was" interrupted TERM

echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
