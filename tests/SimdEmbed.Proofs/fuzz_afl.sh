#!/usr/bin/env bash
# One parser under afl-fuzz, which sees by SharpFuzz which branches each input takes.
#
#   tests/SimdEmbed.Proofs/fuzz_afl.sh FORMAT SECONDS [--save-corpus]
#
# Installs afl++ (Debian) and SharpFuzz.CommandLine (NuGet, into artifacts/afl) where they are missing. --save-corpus adds each input
# that took a new branch to tests/SimdEmbed.Tests/Corpus/FORMAT/branches. Ends with one line of figures; exit code 1 after a failure.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: fuzz_afl.sh FORMAT SECONDS [--save-corpus]" >&2; exit 2; }
format=$1
seconds=$2
cd "$(dirname "$0")/../.."
corpus=tests/SimdEmbed.Tests/Corpus/$format
work=artifacts/afl/$format
longest=4096 # bytes: what the corpus keeps

command -v afl-fuzz > /dev/null || (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq afl++) > /dev/null
[ -x artifacts/afl/sharpfuzz ] || dotnet tool install SharpFuzz.CommandLine --version 2.3.0 --tool-path artifacts/afl > /dev/null
rm -rf "$work"
mkdir -p "$work/seeds"
dotnet build -c Release tests/SimdEmbed.Proofs -v quiet
cp -r artifacts/bin/SimdEmbed.Proofs/release "$work/program"
# Only the parsers are followed: what they call is the same for every input.
artifacts/afl/sharpfuzz "$work/program/SimdEmbed.dll" SimdEmbed.Formats
find "$corpus" -type f -exec cp {} "$work/seeds" \;

# Without AFL_SKIP_BIN_CHECK it wants a program that its compiler made. A slow answer is an exception of the target itself.
export AFL_SKIP_BIN_CHECK=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
afl-fuzz -i "$work/seeds" -o "$work" -V "$seconds" -t 5000 -m none -- \
  dotnet "$work/program/SimdEmbed.Proofs.dll" fuzz "$format" --afl > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }

figure() { awk -F': *' -v name="$1" '$1 ~ "^" name " *$" { print $2 }' "$work/default/fuzzer_stats"; }
new=()
while IFS= read -r -d '' input; do new+=("$input"); done < <(find "$work/default/queue" -name '*,+cov' -not -name '*orig:*' -size "-$((longest + 1))c" -print0)
for input in "${new[@]}"; do
  [ "${3:-}" = --save-corpus ] || break
  mkdir -p "$corpus/branches"
  cp "$input" "$corpus/branches/$(sha256sum < "$input" | cut -c 1-16)"
done
executions=$(figure execs_done)
crashes=$(figure saved_crashes)
hangs=$(figure saved_hangs)
echo "afl $format: $executions executions in $seconds s, $(figure edges_found) branches taken, ${#new[@]} inputs with a new one, $crashes crashes, $hangs hangs"
[ "$executions" -gt 0 ] && [ "$crashes" = 0 ] && [ "$hangs" = 0 ]
