#!/usr/bin/env bash
# Kills the daemon right before each call that changes something on the disk, under every verb that does, and
# looks at what is left (tests/e2e/kill/calls.rs). VSYNC_KILL_SECONDS is how long it may take: what does not
# fit is left out evenly. Needs strace and the right to trace, which containers often lack.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"

[ "$(uname)" = Linux ] || not_run 'there is no strace but on Linux'
need strace strace
strace -D -f -qq -o /dev/null -e trace=unlink true 2>/dev/null || not_run 'strace may not trace here'
export VSYNC_KILL_SECONDS="${VSYNC_KILL_SECONDS:-600}"
cargo test -p vsyncd --test e2e -- --ignored --nocapture \
    kill::calls::a_daemon_killed_before_any_call_leaves_old_or_new_and_goes_on | tee "$work/kills"
grep -q '^test result: ok\. 1 passed' "$work/kills" || fail 'no daemon was killed'
