#!/usr/bin/env bash
# The keychain against a second Secret Service: oo7-daemon. Built once, into the folder of the components.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"
source "$(dirname "$0")/parts/session.sh"

version=0.7.0-beta
need_sessions
oo7=$target/components/oo7-$version
if [ ! -x "$oo7/bin/oo7-daemon" ]; then
    env CARGO_PROFILE_DEV_DEBUG=0 cargo install --locked --debug --root "$oo7" \
        --target-dir "$work/oo7" oo7-daemon@$version || not_run "cargo cannot install oo7-daemon $version"
fi
build

# open_oo7 NAME PASSWORD
open_oo7() {
    home_of "$1"
    printf '%s' "$2" >"$work/password"
    "${home[@]}" "$oo7/bin/oo7-daemon" --login --replace <"$work/password" &
    started+=($!)
    eventually 10 owns "$1" org.freedesktop.secrets || fail "no keyring for $1"
    # It has its name before it has read the password.
    eventually 30 takes_entries "$1" || fail "the keyring of $1 does not open"
}

begin_session eve
open_oo7 eve 'a password of some length'
ignored stories::open in_session eve
end_session eve
