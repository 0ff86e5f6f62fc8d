#!/usr/bin/env bash
# S3 conformance against moto, with a user that may write and one that may only read.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"
source "$(dirname "$0")/parts/external_s3.sh"

need_external_s3
python_with 'moto[server]==5.2.5' boto3
port=$(free_port)
endpoint=http://127.0.0.1:$port
"${python%/*}/moto_server" -H 127.0.0.1 -p "$port" >"$work/moto.log" 2>&1 &
started+=($!)
eventually 60 answers "$port" || fail 'moto does not answer'
keys=$("$python" tests/components/parts/moto_users.py "$endpoint")
read -r writer writer_secret reader reader_secret <<<"$keys"
"$python" tests/components/parts/bucket.py "$endpoint" conformance "$writer" "$writer_secret"
external_s3 conformance "$writer" "$writer_secret" "$reader" "$reader_secret"
