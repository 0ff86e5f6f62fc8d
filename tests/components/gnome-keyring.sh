#!/usr/bin/env bash
# The keychain against GNOME Keyring: open, locked, with a wrong password, with a prompt that nobody
# answers; a service that hangs, none at all, no bus, one that comes late; and the two-machine story on a folder store.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"
source "$(dirname "$0")/parts/session.sh"
source "$(dirname "$0")/parts/story.sh"

need_sessions
need dbus-test-tool dbus-tests
build

begin_session eve
reopen_keyring eve eve
ignored stories::open in_session eve
variables=(VSYNC_TEST_UNLOCK="printf eve | gnome-keyring-daemon --replace --unlock --components=secrets")
ignored stories::lockable in_session eve
variables=()
printf x | in_session eve secret-tool store --label proof service tools.vsync username proof/dev
end_session eve

begin_session eve
open_keyring eve 'not the password'
ignored stories::locked in_session eve
black_hole eve org.gnome.keyring.SystemPrompter
variables=(VSYNC_TEST_PROMPT_OPEN=1 VSYNC_TEST_ACCOUNT=proof/dev)
ignored stories::locked in_session eve
ignored stories::prompt_open in_session eve
variables=()
end_session eve

begin_session hung
black_hole hung org.freedesktop.secrets
ignored stories::silent in_session hung
checkout hung
refused 5 hung init dev --store "file://$work/hung-store"
grep -q 'did not answer' "$work/refused.out" || fail 'the error does not say that nobody answers'
# A call that waits does not hold the daemon.
person hung init dev --store "file://$work/hung-store" >"$work/pending.out" 2>&1 &
pending=$!
began=$SECONDS
person hung daemon stop
[ $((SECONDS - began)) -le 6 ] || fail 'a call that waits holds the daemon'
wait "$pending" || true
end_session hung

# A bus that starts no services.
cat >"$work/bare.conf" <<C
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=$work</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
C
begin_session bare --config-file="$work/bare.conf"
ignored stories::absent in_session bare
end_session bare
ignored stories::absent in_session bare
ignored stories::absent in_session bare env DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus

# The session's bus is there and nobody knows, until it has the usual name.
begin_session late --session --address="unix:path=$work/late-bus"
reopen_keyring late late
variables=(VSYNC_TEST_SESSION="ln -s '$work/late-bus' '$work/late/run/bus'")
ignored stories::late in_session late env -u DBUS_SESSION_BUS_ADDRESS
variables=()
end_session late

for name in ann ben; do
    begin_session "$name"
    reopen_keyring "$name" "$name"
done
two_machines --store "file://$work/store"
locked_keychain
late_session
stop_daemons
