#!/bin/sh
# Our aws target against moto, which checks signatures and the actions of the policy in docs/targets.md, on a free loopback port.
# Exit: 0 passed, 77 could not run, anything else failed.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mkdir -p "${CARGO_TARGET_DIR:-target}/components" && cd "${CARGO_TARGET_DIR:-target}/components" && pwd)/moto
[ -x "$folder/bin/moto_server" ] || { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet 'moto[server]==5.2.5'; } || exit 77
[ -x "$folder/bin/moto_server" ] || exit 77
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])') || exit 77
home=$(mktemp -d)
HOME=$home "$folder/bin/moto_server" -H 127.0.0.1 -p "$port" >"$home/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$home"' EXIT
address=http://127.0.0.1:$port
tries=0
until python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$port" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$home/log"
        exit 77
    fi
    sleep 0.1
done
# A user with the least that the target needs; from then on every request is checked.
keys=$(HOME=$home "$folder/bin/python3" - "$address" <<'PYTHON'
import boto3, json, sys, urllib.request

address = sys.argv[1]
iam = boto3.client("iam", endpoint_url=address, aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
actions = ["DescribeSecret", "GetSecretValue", "CreateSecret", "PutSecretValue", "DeleteSecret"]
policy = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow",
    "Action": ["secretsmanager:" + action for action in actions],
    # moto compares actions only, and knows no narrower resource here.
    "Resource": "*",
}]}
iam.create_user(UserName="vsync")
iam.put_user_policy(UserName="vsync", PolicyName="vsync", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="vsync")["AccessKey"]
request = urllib.request.Request(address + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST")
urllib.request.urlopen(request)
print(key["AccessKeyId"] + "," + key["SecretAccessKey"])
PYTHON
) || exit 77
VSYNC_TEST_MOTO=$address,$keys cargo test -p vsyncd --test real_targets -- aws
