#!/usr/bin/env bash
# What an ordinary test cannot bring about: a system without file watches, a vault folder that is a mount point, a
# file system that turns read-only. Needs a Linux that lets this user make namespaces; the mounts need root.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/machine.sh"

# Mounts of this story are nobody else's.
if [ "${VSYNC_APART:-}" != 1 ]; then
    unshare --user --map-root-user true 2>/dev/null || not_run 'this system gives no user namespace'
    build
    if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
        VSYNC_APART=1 bin=$bin unshare --mount bash "$0"
    else
        not_run 'only root may mount'
    fi
    exit
fi

# A daemon in a namespace of its own with a limit of it: limited NAME LIMIT VALUE
# shellcheck disable=SC2016
limited() {
    daemon "$1" unshare --user --map-root-user \
        sh -c 'echo "$1" >"/proc/sys/user/$0" && shift && exec "$@"' "$2" "$3"
}

# lift LIMIT VALUE: another value for the daemon that runs.
# shellcheck disable=SC2016
lift() {
    nsenter --target "$pid" --user --preserve-credentials sh -c 'echo "$1" >"/proc/sys/user/$0"' "$1" "$2"
}

end_daemon() {
    ctl "$1" daemon stop >/dev/null
    wait "$pid" || fail "the daemon of $1 did not end well"
}

printf -- '--- without file watches edits are found by looking, and it says so\n'
machine ann
settings ann $'poll:\n  rescan: 300ms'
number=0
for limit in max_inotify_instances max_inotify_watches; do
    limited ann "$limit" 0
    [ "$number" != 0 ] || ctl ann init dev --store "file://$work/store" >/dev/null
    comes ann '"watched":false'
    for verb in edited ok; do
        number=$((number + 1))
        [ "$verb" = ok ] || echo "A=$number" >"$(vault ann)/a.env"
        [ "$verb" = edited ] || ctl ann push dev >/dev/null
        comes ann "\"state\":\"$verb\""
    done
    shows ann 'cannot be watched' || fail 'status has no hint'
    said=$(ctl ann doctor dev)
    [[ $said == *'refuses to watch'*'fs.inotify.max_user'* ]] || fail "doctor does not say what helps: $said"
    said=$(ctl ann -v status dev | tr -s '\n ' ' ')
    [[ $said == *'not watched'* ]] || fail "status does not show it: $said"
    # With room for some it tries again by itself, and hears of edits in new folders too.
    lift "$limit" 100
    comes ann '"watched":true'
    mkdir -p "$(vault ann)/$limit/inner" && echo A >"$(vault ann)/$limit/inner/file"
    comes ann '"state":"edited"'
    ctl ann push dev >/dev/null
    comes ann '"state":"ok"'
    end_daemon ann
done

printf -- '--- watches that run out while it runs\n'
limited ann max_inotify_watches 6
comes ann '"watched":true'
mkdir -p "$(vault ann)/many/"{1,2,3,4,5,6,7,8}
echo deep >"$(vault ann)/many/8/file"
comes ann '"watched":false'
comes ann 'many/8/file'
echo deeper >"$(vault ann)/many/8/file"
ctl ann push dev >/dev/null
lift max_inotify_watches 1000
comes ann '"watched":true'
end_daemon ann

at_end() {
    local at
    for at in "$(vault ben)" "$(dirname "$(vault ben)")"; do
        umount -q "$at" || true
    done
}

printf -- '--- a vault folder that is a mount point\n'
machine ben
settings ben $'poll:\n  rescan: 300ms\nkeep_replaced: 1s'
daemon ann && ann_pid=$pid
daemon ben
printf 'a passphrase of the story' >"$work/passphrase" && chmod 600 "$work/passphrase"
ctl ann export dev --out "$work/dev.share" --passphrase-file "$work/passphrase" >/dev/null
ctl ben import dev "$work/dev.share" --passphrase-file "$work/passphrase" >/dev/null
diff -r "$(vault ann)" "$(vault ben)" || fail 'the folders differ'
mv "$(vault ben)" "$work/aside" && mkdir "$(vault ben)"
mount -t tmpfs -o mode=700 tmpfs "$(vault ben)" && cp -a "$work/aside/." "$(vault ben)/"
comes ben '"state":"ok"'
echo 'A=mount' >"$(vault ann)/a.env" && ctl ann push dev >/dev/null
comes ben '"reason":"folder_not_usable"'
fails 1 'mount point' ben pull dev
fails 1 'mount the folder above it' ben doctor dev
diff -r "$work/aside" "$(vault ben)" || fail 'the mounted folder was changed'
umount "$(vault ben)" && rmdir "$(vault ben)" && mv "$work/aside" "$(vault ben)"
comes ben '"state":"ok"'
diff -r "$(vault ann)" "$(vault ben)" || fail 'it does not go on after the mount is gone'

printf -- '--- mounted is the folder above it, as doctor says\n'
above=$(dirname "$(vault ben)")
mv "$above" "$work/aside" && mkdir "$above"
mount -t tmpfs -o mode=700 tmpfs "$above" && cp -a "$work/aside/dev" "$above/"
comes ben '"state":"ok"'
echo 'A=above' >"$(vault ann)/a.env" && ctl ann push dev >/dev/null
eventually 60 diff -r "$(vault ann)" "$(vault ben)" || fail 'a version does not arrive on the mount'
comes ben '"atomic":true'

printf -- '--- a file system that turns read-only\n'
before=$(cat "$(vault ben)/a.env")
eventually 60 sh -c "[ \"\$(ls -A '$above' | wc -l)\" = 1 ]" || fail 'the replaced folder stays'
mount -o remount,ro "$above"
echo 'A=read-only' >"$(vault ann)/a.env" && ctl ann push dev >/dev/null
comes ben '"state":"error"'
fails 1 'Read-only file system' ben pull dev
[ "$(cat "$(vault ben)/a.env")" = "$before" ] || fail 'the old content is gone'
ctl ben status dev >/dev/null
mount -o remount,rw "$above"
eventually 60 diff -r "$(vault ann)" "$(vault ben)" || fail 'it does not go on'
comes ben '"state":"ok"'

printf -- '--- a device in the vault\n'
mknod "$(vault ann)/zero" c 1 5
comes ann '"reason":"vault_not_plain"'
fails 1 'is a device' ann push dev
rm "$(vault ann)/zero"
comes ann '"state":"ok"'
kill -0 "$ann_pid" "$pid" || fail 'a daemon has ended'
umount "$above"
