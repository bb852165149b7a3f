#!/usr/bin/env bash
# The packages, as an application sees them: packed, then consumed in an empty folder by a console app, an ASP.NET app and as a tool.
#
#   tests/packages.sh              checks; prints what the console app weighs and how soon it has looked its first row up
#   tests/packages.sh --results    also writes those figures to tests/results/packages.json, for the README
#
# Ends with one line: N passed, N failed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en MSBUILDDISABLENODEREUSE=1
checkpoint=$root/tests/SimdEmbed.Tests/Golden/files/embeding.pth
size_limit=2621440 # bytes: 2.5 MB
runs=15

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null; rm -rf "$work"' EXIT
passed=0
failed=0
check() { # check NAME COMMAND...
  local name=$1; shift
  if "$@" > "$work/log" 2>&1; then passed=$((passed + 1)); echo "passed: $name"; else failed=$((failed + 1)); cat "$work/log"; echo "FAILED: $name"; fi
}

# Packages restored before are found where they are; the new ones go to a folder of their own, so that no older build is taken for them.
export NUGET_FALLBACK_PACKAGES=${NUGET_PACKAGES:-$HOME/.nuget/packages}
pack() { dotnet pack -c Release "$root/src/$1" -o "$work/feed"; }
check "the library is packed and validated" pack SimdEmbed
check "the tool is packed" pack SimdEmbed.Cli
export NUGET_PACKAGES=$work/packages

holds() { # holds PACKAGE ENTRY...
  local package=$1 entry; shift
  unzip -Z1 "$work/feed/$package" > "$work/entries"
  for entry; do grep -qxF "$entry" "$work/entries" || { echo "$package has no $entry"; return 1; }; done
}
version=$(basename "$work"/feed/SimdEmbed.[0-9]*.nupkg .nupkg)
version=${version#SimdEmbed.}
check "the package has its parts" holds "SimdEmbed.$version.nupkg" README.md icon.png lib/net10.0/SimdEmbed.dll lib/net10.0/SimdEmbed.xml \
  build/SimdEmbed.targets build/NativeAOT.props buildTransitive/SimdEmbed.targets buildTransitive/NativeAOT.props
check "the symbols have theirs" holds "SimdEmbed.$version.snupkg" lib/net10.0/SimdEmbed.pdb

mkdir "$work/apps"
cd "$work/apps"
cat > nuget.config << EOF
<configuration><packageSources><add key="packed" value="$work/feed" /></packageSources></configuration>
EOF
strict="-p:TreatWarningsAsErrors=true -p:IlcTreatWarningsAsErrors=true -p:ILLinkTreatWarningsAsErrors=true -p:TrimmerSingleWarn=false"
create() { # create TEMPLATE NAME [OPTION]...
  dotnet new "$1" -n "$2" "${@:3}" --no-restore && dotnet add "$2" package SimdEmbed --version "$version"
}

check "a console app takes the package" create console Lookup --aot
cat > Lookup/Program.cs << 'EOF'
using SimdEmbed;

using Embedding embedding = Embedding.FromPretrained(PyTorchCheckpoint.LoadTable(args[0], "emb.weight"));
float[] row = new float[embedding.EmbeddingDim];
embedding.Forward<long>([long.Parse(args[1])], row);
long microseconds = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
Console.WriteLine($"{microseconds} {EngineInfo.VectorWidth} {string.Join(',', row)}");
EOF

hints() { dotnet publish Lookup -c Release $strict -o "$work/plain" > "$work/publish" && [ "$(grep -cF "SimdEmbed: this native build has 128-bit vectors" "$work/publish")" = 1 ]; }
follows() { ! dotnet publish Lookup -c Release $strict -p:SimdEmbedCpu=x86-64-v3 -o "$work/native" | grep -E "SimdEmbed:|warning"; }
check "publishing without an instruction set says how to have one, once" hints
check "publishing with one says nothing" follows
check "a build for the JIT has no warnings" dotnet build Lookup -c Release $strict -o "$work/jit"

row_of() { "$@" "$checkpoint" 3 | cut -d' ' -f3; }
width_of() { "$@" "$checkpoint" 3 | cut -d' ' -f2; }
same() { echo "$1, expected $2"; [ "$1" = "$2" ]; }
check "the tool is installed" dotnet tool install SimdEmbed.Cli --tool-path "$work/tool" --version "$version" --configfile nuget.config
expected=$("$work/tool/simdembed" lookup "$checkpoint" --key emb.weight --indices 3 --json | tr -d ' \n' | grep -oE '\[\[[^]]*\]\]' | tr -d '[]')
check "native with and without an instruction set, and JIT, look up what the tool does" \
  same "$(row_of "$work/native/Lookup") $(row_of "$work/plain/Lookup") $(row_of dotnet "$work/jit/Lookup.dll")" "$expected $expected $expected"
check "the property changes the instruction set" same "$(width_of "$work/plain/Lookup") $(width_of "$work/native/Lookup")" "4 8"

size=$(stat -c %s "$work/native/Lookup")
small() { echo "$size bytes, at most $size_limit"; [ "$size" -le "$size_limit" ]; }
check "the native app is small" small

first_lookup() { # first_lookup COMMAND...: the median of milliseconds from before the process starts to behind its first lookup
  local i before after
  for ((i = 0; i < runs; i++)); do
    before=${EPOCHREALTIME/./}
    after=$("$@" "$checkpoint" 3)
    echo $((${after%% *} - before))
  done | sort -n | sed -n "$((runs / 2 + 1))p" | awk '{ printf "%.1f", $1 / 1000 }'
}
native_ms=$(first_lookup "$work/native/Lookup")
jit_ms=$(first_lookup dotnet "$work/jit/Lookup.dll")
megabytes=$(awk "BEGIN { printf \"%.2f\", $size / 1048576 }")
echo "first lookup $native_ms ms after the start, $jit_ms ms under the JIT; the native app has $megabytes MB"

check "an ASP.NET app takes the package" create webapiaot Service --no-openapi
cat > Service/Program.cs << 'EOF'
using SimdEmbed;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddSingleton(Embedding.FromPretrained(PyTorchCheckpoint.LoadTable(args[0], "emb.weight")));
WebApplication app = builder.Build();
app.MapGet("/rows/{index:long}", (long index, Embedding embedding) =>
{
    float[] row = new float[embedding.EmbeddingDim];
    embedding.Forward<long>([index], row);
    return string.Join(',', row);
});
app.Run();
EOF
check "it publishes native without a warning" dotnet publish Service -c Release $strict -p:SimdEmbedCpu=x86-64-v3 -o "$work/service"
serves() { # over HTTP, the row that the tool looks up
  local url= i
  ASPNETCORE_URLS=http://127.0.0.1:0 "$work/service/Service" "$checkpoint" > "$work/served" 2>&1 & server=$!
  for ((i = 0; i < 100; i++)); do
    url=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' "$work/served" || true)
    [ -z "$url" ] || break
    sleep 0.1
  done
  same "$(curl -s "$url/rows/3")" "$expected"
}
check "it serves a row" serves

if [ "${1:-}" = --results ]; then
  # What others bring along for Linux on x64, where they have been restored for perf/SimdEmbed.Peers.
  weight() { find "$NUGET_FALLBACK_PACKAGES/$1" -path '*/linux-x64/*' -name '*.so*' -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'; }
  cat > "$root/tests/results/packages.json" << EOF
{
  "native_first_lookup_ms": $native_ms,
  "jit_first_lookup_ms": $jit_ms,
  "native_program_bytes": $size,
  "onnxruntime_native_bytes": $(weight microsoft.ml.onnxruntime),
  "libtorch_native_bytes": $(weight libtorch-cpu-linux-x64)
}
EOF
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
