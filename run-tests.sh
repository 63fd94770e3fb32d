#!/bin/sh
# The front door: finds .NET (or gets it), builds if anything has changed, and hands on to the executable, which knows the rest.
# Exit code: as the executable says (--help); 2 if it does not come to that.
set -eu

say() { printf 'run-tests.sh: %s\n' "$*" >&2; }
give_up() { say "$*"; exit 2; }

# Where this file really is, however it was called.
self=$0
while [ -h "$self" ]; do
    target=$(readlink "$self")
    case $target in
        /*) self=$target ;;
        *) self=$(dirname "$self")/$target ;;
    esac
done
root=$(CDPATH='' cd -P "$(dirname "$self")" && pwd)
output=$root/Zocket.Conformance/bin/Release/net10.0
executable=$output/Zocket.Conformance
stamp=$output/.built-from

# A killed run leaves no diagnostics sockets in /tmp, and nobody is told about any run.
export DOTNET_EnableDiagnostics=0 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
export DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_ADD_GLOBAL_TOOLS_TO_PATH=false

# .NET and NuGet keep things below HOME; services and containers have none, or one that is not there.
if [ -z "${HOME:-}" ]; then
    HOME=$( (getent passwd "$(id -u)" || true) 2>/dev/null | cut -d: -f6)
fi
if [ ! -d "$HOME" ] || [ ! -w "$HOME" ]; then
    HOME=$root/artifacts/home
    mkdir -p "$HOME" 2>/dev/null || HOME=${TMPDIR:-/tmp}
fi
export HOME

# The SDK of global.json: 10.0, any feature band.
has_sdk() { "$1" --list-sdks 2>/dev/null | grep -q '^10\.0\.'; }

find_dotnet() {
    for dotnet in "$(command -v dotnet || true)" "${DOTNET_ROOT:-/nonexistent}/dotnet" "$HOME/.dotnet/dotnet"; do
        if [ -x "$dotnet" ] && has_sdk "$dotnet"; then
            return 0
        fi
    done
    return 1
}

by_hand='install the .NET SDK 10.0 (https://dotnet.microsoft.com/download/dotnet/10.0) so that "dotnet" is in PATH, and run this again'

install_dotnet() {
    case $(uname -s) in
        FreeBSD) give_up 'the .NET SDK 10.0 is missing; install it with: pkg install dotnet' ;;
        Linux) ;;
        *) give_up "there is no .NET SDK for $(uname -s); start the claims from a Linux machine" ;;
    esac
    command -v bash >/dev/null || give_up "the .NET SDK 10.0 is missing and Microsoft's installer needs bash; $by_hand"
    if command -v curl >/dev/null; then
        download() { curl -fsSL --retry 2 "$1" -o "$2"; }
    elif command -v wget >/dev/null; then
        download() { wget -q "$1" -O "$2"; }
    else
        give_up "the .NET SDK 10.0 is missing, and so are curl and wget to get it with; $by_hand"
    fi
    say "the .NET SDK 10.0 is missing; installing it for this user into $HOME/.dotnet with Microsoft's script"
    installer=$(mktemp) || give_up "no temporary file can be made; $by_hand"
    trap 'rm -f "$installer"' EXIT
    download https://dot.net/v1/dotnet-install.sh "$installer" \
        || give_up "https://dot.net/v1/dotnet-install.sh cannot be downloaded; $by_hand"
    bash "$installer" --channel 10.0 --install-dir "$HOME/.dotnet" --no-path >&2 \
        || give_up "the installation failed; $by_hand"
    rm -f "$installer"
    trap - EXIT
    find_dotnet || give_up "the installed SDK does not run on this machine; $by_hand"
}

# What the executable is made of, by content: times would lie after a checkout, a copy or a clock step.
sources() {
    (cd "$root" && find Directory.* global.json .editorconfig Zocket.Conformance fixtures \
        \( -name bin -o -name obj -o -path fixtures/tests -o -path fixtures/benchmarks \) -prune -o \
        -type f -exec cksum {} + | sort | cksum)
}

# And what was made of it, so that a build by other hands is noticed too.
products() { cksum "$output"/Zocket.*.dll 2>/dev/null | cut -d' ' -f1,2; }

build() {
    if ! { mkdir -p "$output" && : >"$stamp"; } 2>/dev/null; then
        give_up "$root cannot be written to, so nothing can be built there; copy or clone it to where you can write"
    fi
    log=$(mktemp) || give_up 'no temporary file can be made to build with (is TMPDIR full or read-only?)'
    trap 'rm -f "$log"' EXIT
    trap 'exit 130' INT
    [ -t 2 ] && printf 'building …' >&2
    # No build server: nothing this script starts outlives it.
    if ! (cd "$root" && "$dotnet" build Zocket.Conformance/Zocket.Conformance.csproj -c Release \
            --disable-build-servers -nologo -v quiet -tl:off -clp:NoSummary) >"$log" 2>&1; then
        [ -t 2 ] && printf '\r\033[K' >&2
        # What the compiler said, each line once; the log's end repeats and counts it.
        awk 'NF && !/^Build FAILED|^ +[0-9]+ (Warning|Error)\(s\)|^Time Elapsed/ && !seen[$0]++' "$log" >&2
        give_up 'it does not build'
    fi
    [ -t 2 ] && printf '\r\033[K' >&2
    rm -f "$log"
    trap - EXIT INT
}

find_dotnet || install_dotnet
# The executable looks for its runtime where its dotnet is.
home=$(dirname "$(readlink -f "$dotnet")")
[ -d "$home/shared/Microsoft.NETCore.App" ] && export DOTNET_ROOT="$home"

made_from=$(sources)
if [ ! -x "$executable" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$made_from
$(products)" ]; then
    build
    printf '%s\n%s\n' "$made_from" "$(products)" >"$stamp"
fi

# The lab publishes the executable for its guests.
export ZOCKET_DOTNET="$dotnet"
exec "$executable" front-door "$@"
