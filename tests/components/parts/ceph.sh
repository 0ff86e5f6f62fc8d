# shellcheck shell=bash
# A Ceph of one node in memory: monitor, OSD, RGW. After ground.sh. Sets `endpoint`.

ceph_up() {
    local dir=$work/ceph mon fsid osd
    endpoint=http://127.0.0.1:$(free_port)
    mon=127.0.0.1:$(free_port)
    fsid=$(cat /proc/sys/kernel/random/uuid) osd=$(cat /proc/sys/kernel/random/uuid)
    mkdir -p "$dir"/{mon,osd,rgw,run,log}
    ceph_settings "$dir" "$mon" "$fsid" "${endpoint##*:}" >"$dir/ceph.conf"
    export CEPH_CONF=$dir/ceph.conf
    monmaptool --create --addv a "[v1:$mon]" --fsid "$fsid" "$dir/monmap" >/dev/null
    ceph-mon --mkfs -i a --monmap "$dir/monmap"
    ceph-mon -f -i a >"$dir/log/mon.out" 2>&1 &
    started+=($!)
    timeout 60 ceph --connect-timeout 30 osd new "$osd" >/dev/null
    ceph-osd -i 0 --mkfs --osd-uuid "$osd" >/dev/null 2>&1
    osd_up "$dir" || { tail "$dir"/log/*; fail 'the OSD does not come up'; }
    radosgw -f -n client.rgw >"$dir/log/rgw.out" 2>&1 &
    started+=($!)
    eventually 90 answers "${endpoint##*:}" || { tail "$dir"/log/*; fail 'RGW does not answer'; }
}

# On a busy machine an OSD may ask the monitor before it has learnt the cluster's id, and ends: another try.
osd_up() {
    local try
    for try in 1 2 3 4 5; do
        ceph-osd -f -i 0 >"$1/log/osd.out.$try" 2>&1 &
        started+=($!)
        echo $! >"$1/osd.pid"
        eventually 90 osd_is_up_or_gone "$1/osd.pid"
        if osd_is_up; then
            return
        fi
    done
    return 1
}

osd_is_up_or_gone() { ! kill -0 "$(cat "$1")" || osd_is_up; }

osd_is_up() { [[ $(ceph --connect-timeout 5 osd stat) == *'1 up'* ]]; }

ceph_settings() {
    cat <<C
[global]
fsid = $3
mon host = v1:$2
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth supported = none
auth cluster required = none
auth service required = none
auth client required = none
ms bind msgr2 = false
mon data = $1/mon
osd data = $1/osd
rgw data = $1/rgw
run dir = $1/run
log file = $1/log/\$name.log
admin socket = $1/run/\$name.\$pid.asok
setuser match path = $1/nobody
osd objectstore = memstore
memstore device bytes = 1073741824
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail warn = 1
mon data avail crit = 1
mon max pg per osd = 2000
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
rgw rados pool pg num min = 4
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$4
rgw thread pool size = 32
rgw enable usage log = false
C
}

# ceph_user NAME: its id is NAME-id, its secret NAME-secret.
ceph_user() {
    timeout 60 radosgw-admin user create --uid "$1" --display-name "$1" \
        --access-key "$1-id" --secret "$1-secret" >/dev/null
}

need_ceph() {
    [ "$(uname)" = Linux ] || not_run 'Ceph runs on Linux'
    need ceph-mon ceph-mon
    need ceph-osd ceph-osd
    need radosgw radosgw
    need ceph ceph-common
}
