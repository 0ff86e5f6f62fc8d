#!/usr/bin/env bash
# Secrets that this run alone knows, looked for afterwards in everything: a debugger of the same user, what other
# programs were given, and all that a broad part of the suite leaves on the disk, with logs that hide nothing.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/machine.sh"

[ "$(uname)" = Linux ] || not_run 'the debuggers of this story are those of Linux'
need gdb gdb
need strace strace
need python3 python3
build

printf -- '--- a debugger of the same ordinary user\n'
if [ "$(id -u)" = 0 ]; then
    need setpriv util-linux
    mkdir "$work/bin" && cp "$bin"/vsyncd "$bin"/vsyncctl "$work/bin/" && bin=$work/bin
    chmod 711 "$work"
    user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
machine ann
mkdir "$work/dumps"
[ "${#user[@]}" = 0 ] || chown -R 65534:65534 "$work/ann" "$work/dumps"
daemon ann sh -c 'ulimit -c unlimited; exec "$@"' sh
ctl ann init dev --store "file://$work/ann/store" >/dev/null
"${user[@]}" sh -c "echo 'CANARY=held-in-memory-7f31' >'$(vault ann)/a.env'"
ctl ann push dev >/dev/null

# attempts PID: by how many of the ways it lets itself be read.
attempts() {
    local ways=0
    (cd "$work/dumps" && "${user[@]}" gcore -o "$work/dumps/core" "$1") >/dev/null 2>&1 && ways=$((ways + 1))
    "${user[@]}" timeout 5 strace -qq -p "$1" -o /dev/null >/dev/null 2>&1
    [ $? != 124 ] || ways=$((ways + 1))
    "${user[@]}" dd if="/proc/$1/mem" of=/dev/null bs=1 count=0 >/dev/null 2>&1 && ways=$((ways + 1))
    "${user[@]}" cat "/proc/$1/environ" >/dev/null 2>&1 && ways=$((ways + 1))
    "${user[@]}" ls "/proc/$1/fd" >/dev/null 2>&1 && ways=$((ways + 1))
    echo "$ways"
}
"${user[@]}" sleep 600 &
other=$!
started+=("$other")
eventually 10 "${user[@]}" cat "/proc/$other/environ"
set +e
open=$(attempts "$other")
closed=$(attempts "$pid")
set -e
[ "$open" = 5 ] || fail "only $open of 5 ways to read another process work here, so that nothing is proven"
[ "$closed" = 0 ] || fail "$closed of 5 ways to read the daemon work"
[ ! -e "$work/dumps/core.$pid" ] || fail 'gcore wrote a dump of the daemon'

printf -- '--- what crashes leaves no core dump\n'
while kill -SEGV "$pid" 2>/dev/null; do sleep 0.1; done
[ "$(find "$work/ann" -name 'core*' | wc -l)" = 0 ] || fail 'the daemon left a core dump'
user=()

printf -- '--- what other programs are given\n'
machine eve
trace=$work/execve
daemon eve strace -D -f -qq -v -s 100000 -e trace=execve -o "$trace"
ctl eve init dev --store "file://$work/store" >/dev/null
printf 'TOKEN=canary-in-a-value-c4e1\n' >"$(vault eve)/.env.dev"
printf 'canary-of-a-passphrase-19ab' >"$work/passphrase" && chmod 600 "$work/passphrase"
ctl eve push dev --note 'a story' >/dev/null
ctl eve export dev --out "$work/dev.share" --passphrase-file "$work/passphrase" >/dev/null
GH_TOKEN=canary-of-a-credential-77d0 ctl eve sync dev gh --dry-run >/dev/null 2>&1 || true
ctl eve doctor dev >/dev/null
ctl eve daemon stop >/dev/null
key=$(cat "$work"/eve/state/vsync/keys/acme_web/dev)
for secret in canary-in-a-value canary-of-a-passphrase canary-of-a-credential "$key"; do
    if grep -qF -- "$secret" "$trace"; then fail 'a program was given a secret'; fi
done
grep -q 'vsyncd' "$trace" || fail 'the trace shows nothing'

printf -- '--- all that a broad part of the suite leaves behind\n'
mkdir "$work/suite"
stories='audit:: daemon:: edits:: hostile:: integrity:: outage:: policy:: secrecy:: setup:: socket:: sync:: trouble::
    two_machines:: whole_folders::'
# shellcheck disable=SC2086
TMPDIR=$work/suite VSYNC_KEEP_MACHINES=1 VSYNC_TEST_LOG=trace \
    cargo test -p vsyncd --test e2e -- $stories || fail 'the suite fails'
python3 tests/components/parts/sweep.py "$work/suite"
