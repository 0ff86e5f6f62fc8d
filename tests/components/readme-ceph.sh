#!/usr/bin/env bash
# The README's two machines with a bucket on Ceph RGW and keys in GNOME Keyring.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"
source "$(dirname "$0")/parts/ceph.sh"
source "$(dirname "$0")/parts/session.sh"
source "$(dirname "$0")/parts/story.sh"

need_sessions
need_ceph
python_with boto3
build
ceph_up
ceph_user team
"$python" tests/components/parts/bucket.py "$endpoint" secrets team-id team-secret
printf 'team-secret' >"$work/secret"
chmod 600 "$work/secret"

for name in ann ben; do
    begin_session "$name"
    reopen_keyring "$name" "$name"
done
checkout ann
person ann profile add team --endpoint "$endpoint" --region us-east-1 --bucket secrets \
    --access-key-id team-id --secret-access-key-file "$work/secret"
two_machines --profile team
locked_keychain
stop_daemons
