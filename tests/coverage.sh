#!/usr/bin/env bash
# Coverage of the library by its tests: line and branch rate, and the files that fall short, worst first.
# The counting itself allocates, so that tests of allocations are left out, and those that run the properties again in other processes, where
# nothing is counted.
#
#   tests/coverage.sh [FILTER]     FILTER as for dotnet test --filter, instead of that
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
out=artifacts/coverage
rm -rf "$out"
dotnet test -c Release tests/SimdEmbed.Tests --collect "XPlat Code Coverage" --results-directory "$out" --filter "${1:-FullyQualifiedName!~Allocat&FullyQualifiedName!~WidthTests}" \
  -- DataCollectionRunSettings.DataCollectors.DataCollector.Configuration.Include='[SimdEmbed]*' || echo 'some tests do not pass while lines are counted'
python3 - "$out"/*/coverage.cobertura.xml << 'EOF'
import collections, re, sys
import xml.etree.ElementTree as tree

lines = collections.defaultdict(dict)  # file -> line -> (hits, covered branches, branches)
for part in tree.parse(sys.argv[1]).iter("class"):
    if "SourceGenerat" in part.get("filename"):
        continue
    for line in part.find("lines"):
        covered, branches = map(int, re.search(r"\((\d+)/(\d+)\)", line.get("condition-coverage", "(0/0)")).groups())
        old = lines[part.get("filename")].get(int(line.get("number")), (0, 0, 0))
        lines[part.get("filename")][int(line.get("number"))] = tuple(map(max, old, (int(line.get("hits")), covered, branches)))


def rates(found):
    return sum(hits > 0 for hits, _, _ in found), len(found), sum(c for _, c, _ in found), sum(b for _, _, b in found)


total = rates([line for file in lines.values() for line in file.values()])
short = []
for name, file in lines.items():
    hit, count, covered, branches = rates(list(file.values()))
    if hit < count or covered < branches:
        missed = ",".join(str(number) for number, line in sorted(file.items()) if line[0] == 0 or line[1] < line[2])
        short.append((count - hit + branches - covered, name, hit, count, covered, branches, missed))
for _, name, hit, count, covered, branches, missed in sorted(short, reverse=True):
    print(f"{name}: lines {hit}/{count}, branches {covered}/{branches}: {missed}")
print(f"lines {100 * total[0] / total[1]:.1f} % of {total[1]}, branches {100 * total[2] / total[3]:.1f} % of {total[3]}")
EOF
