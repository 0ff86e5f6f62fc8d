# shellcheck shell=bash
# Desktop sessions of throw-away people: a home, a bus, a keychain. After ground.sh.

# begin_session NAME [OPTION…]: a bus of its own, in $work/NAME; the options are dbus-daemon's.
begin_session() {
    local dir=$work/$1
    mkdir -p "$dir/home" "$dir/run"
    chmod 700 "$dir/run"
    rm -f "$dir/address"
    local how=("${@:2}")
    [ $# -gt 1 ] || how=(--session)
    home_of "$1"
    "${home[@]}" dbus-daemon "${how[@]}" --nofork --nopidfile --print-address=3 3>"$dir/address" 2>>"$dir/bus.log" &
    started+=($!)
    echo $! >"$dir/bus.pid"
    eventually 10 test -s "$dir/address" || fail "no bus for $1"
}

end_session() {
    kill "$(cat "$work/$1/bus.pid")"
    eventually 10 gone "$work/$1/bus.pid" || fail "the bus of $1 does not end"
    rm "$work/$1/address"
}

gone() { ! kill -0 "$(cat "$1")" 2>/dev/null; }

# home_of NAME: sets `home` to what runs a command with that person's folders and nothing of this
# process's own, so that a background command is a process and not a shell.
home_of() {
    local dir=$work/$1
    home=(env -i PATH="${bin:-}:$PATH" HOME="$dir/home" XDG_RUNTIME_DIR="$dir/run" LANG=C.UTF-8
        VSYNC_POLL_INTERVAL=500ms ${variables[@]+"${variables[@]}"})
    if [ -s "$dir/address" ]; then
        home+=(DBUS_SESSION_BUS_ADDRESS="$(cat "$dir/address")")
    fi
}

# in_session NAME COMMAND…: as that person.
in_session() {
    home_of "$1"
    shift
    "${home[@]}" "$@"
}

owns() {
    local reply
    reply=$(in_session "$1" dbus-send --session --print-reply --dest=org.freedesktop.DBus / \
        org.freedesktop.DBus.NameHasOwner "string:$2")
    [[ $reply == *'boolean true'* ]]
}

# open_keyring NAME PASSWORD: GNOME Keyring, its login collection unlocked with that password if it is the
# right one; the first one is. Replaces the one that runs.
open_keyring() {
    printf '%s' "$2" | in_session "$1" gnome-keyring-daemon --replace --unlock --components=secrets >/dev/null
    eventually 10 owns "$1" org.freedesktop.secrets || fail "no keyring for $1"
}

# reopen_keyring NAME PASSWORD: the same, and it is open after that. One that replaces another does not
# always read its password.
reopen_keyring() {
    local try
    for try in 1 2 3 4 5; do
        open_keyring "$1" "$2"
        if eventually 3 takes_entries "$1"; then
            return
        fi
        printf 'the keyring of %s did not open at try %d\n' "$1" "$try"
    done
    fail "the keyring of $1 does not open"
}

takes_entries() { printf x | in_session "$1" secret-tool store --label ready service ready; }

# The daemons that clients started.
at_end() {
    local record pid
    for record in "$work"/*/home/.local/state/vsync/vsyncd.lock; do
        pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$record" 2>/dev/null || true)
        if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$(readlink -f "$bin/vsyncd")" ]; then
            kill "$pid" || true
        fi
    done
}

# black_hole NAME BUS_NAME: somebody who takes messages under that name and never answers.
black_hole() {
    home_of "$1"
    "${home[@]}" dbus-test-tool black-hole --session --name="$2" &
    started+=($!)
    eventually 10 owns "$1" "$2" || fail "nobody took $2"
}

need_sessions() {
    [ "$(uname)" = Linux ] || not_run 'the Secret Service belongs to Linux desktops'
    need dbus-daemon dbus
    need dbus-send dbus-bin
    need secret-tool libsecret-tools
    need gnome-keyring-daemon gnome-keyring
}
