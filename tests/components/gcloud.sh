#!/bin/sh
# The bench's Secret Manager and our gcp target against the real gcloud, where there is one.
# Exit: 0 passed, 77 could not run, anything else failed.
set -eu
cd "$(dirname "$0")/../.."
gcloud=$(command -v gcloud) || exit 77
"$gcloud" --version | head -n 1
VSYNC_TEST_GCLOUD=$gcloud cargo test -p vsyncd --test real_targets -- gcloud
