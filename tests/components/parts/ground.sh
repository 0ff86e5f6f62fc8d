# shellcheck shell=bash
# Read by every component: where things are, how they are installed, how they are stopped.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
cd "$top"
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
# Throw-away files of this run. Sockets lie in it, so its name is short.
work=$(mktemp -d /tmp/vsc.XXXXXX)
started=()

end() {
    local code=$? pid at
    if declare -F at_end >/dev/null; then
        at_end
    fi
    for ((at = ${#started[@]} - 1; at >= 0; at--)); do
        pid=${started[at]}
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${started[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    if [ "$code" != 0 ] && [ "$code" != 77 ]; then
        find "$work" -name 'vsyncd.log' -exec tail -n 30 {} + 2>/dev/null || true
    fi
    rm -rf "$work"
    exit "$code"
}
trap end EXIT
trap 'exit 143' TERM INT

not_run() {
    printf 'not run: %s\n' "$*"
    exit 77
}

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# need COMMAND PACKAGE…: installs the packages where the command is missing and this is Debian's root.
need() {
    local command=$1
    shift
    has "$command" && return
    has apt-get || not_run "$command is missing, and there is no apt-get to install it with"
    [ "$(id -u)" = 0 ] || not_run "$command is missing, and only root may: apt-get install $*"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q)
    "${apt[@]}" install -y --no-install-recommends "$@" ||
        { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"; } ||
        not_run "apt-get cannot install $*"
    hash -r
    has "$command" || not_run "$* does not bring $command"
}

# python_with REQUIREMENT…: an environment of its own that has them; sets `python`.
python_with() {
    need python3 python3
    local venv=$target/components/venv
    if [ ! -x "$venv/bin/pip" ]; then
        python3 -m venv --clear "$venv" || { need no-such-command python3-venv; }
    fi
    "$venv/bin/pip" install -q --disable-pip-version-check "$@" || not_run "pip cannot install $*"
    python=$venv/bin/python
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# eventually SECONDS COMMAND…: until it succeeds.
eventually() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Builds what the tests build, so that nothing is compiled twice; sets `tests` and `bin`.
build() {
    cargo test --workspace --no-run --message-format=json >"$work/build.json" ||
        fail 'the workspace does not build'
    tests=$(grep '"kind":\["lib"\]' "$work/build.json" |
        sed -n 's/.*"executable":"\([^"]*\/vsyncd-[^"]*\)".*/\1/p' | tail -n 1)
    bin=$target/debug
    local program
    for program in "$tests" "$bin/vsyncd" "$bin/vsyncctl"; do
        [ -x "$program" ] || fail "'$program' was built and is not there"
    done
}

# ignored FILTER [COMMAND…]: runs the ignored tests of that name, through the command. None is a failure.
ignored() {
    local filter=$1
    shift
    printf -- '--- %s\n' "$filter"
    (cd vsyncd && "$@" "$tests" --ignored --test-threads=1 "$filter") | tee "$work/ignored.out"
    grep -q '^test result: ok\. [1-9]' "$work/ignored.out" || fail "no test is called $filter"
}

# real_target NAME: the tests of that target against the server that a variable names.
real_target() {
    cargo test -p vsyncd --test real_targets -- "$1" | tee "$work/target.out"
    grep -q '^test result: ok\. [1-9]' "$work/target.out" || fail "no test of $1 was run"
}

# Whether there are ignored tests of that name.
has_ignored() { grep -q ': test$' <<<"$("$tests" --list --ignored "$1" 2>/dev/null)"; }
