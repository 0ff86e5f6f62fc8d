#!/usr/bin/env bash
# Each writing step of each verb with each error of a disk, through strace and a library that makes writes fail; and
# file systems that are full, out of inodes or read-only. VSYNC_DISK_ERRORS_SECONDS bounds each story and takes a
# slice of the cases (default 12); empty: all of them.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"

[ "$(uname -s)" = Linux ] || not_run 'it traces with strace and mounts, as on Linux'
[ "$(id -u)" = 0 ] || not_run 'only root may mount and trace a daemon that is not dumpable'
need strace strace
need cc gcc libc6-dev
need mkfs.ext4 e2fsprogs
need unshare util-linux
strace -qq -o /dev/null -e inject=unlink:error=EIO true || not_run 'strace may not trace here'
mounts=(unshare --mount --propagation private)
"${mounts[@]}" mount -t tmpfs none /mnt || not_run 'no tmpfs may be mounted here'

cc -O1 -Wall -shared -fPIC -o "$work/write_fault.so" tests/components/disk_errors/write_fault.c
export VSYNC_DISK_ERRORS_SECONDS=${VSYNC_DISK_ERRORS_SECONDS-12}
[ -n "$VSYNC_DISK_ERRORS_SECONDS" ] || unset VSYNC_DISK_ERRORS_SECONDS
cargo build -p vsyncctl
VSYNC_TEST_DISK_ERRORS=$work/write_fault.so "${mounts[@]}" \
    cargo test -p vsyncd --test disk_errors -- --test-threads=2 2>&1 | tee "$work/disk_errors.out"
grep -q '^test result: ok\. [1-9]' "$work/disk_errors.out" || fail 'no story was told, or not to its end'
