# shellcheck shell=bash
# Machines of a story told in bash: a home each, a daemon, a keyboard. After ground.sh. `bin` holds the programs;
# `user` is what makes a command run as whom the story needs.
user=()

# machine NAME
machine() {
    local home=$work/$1
    mkdir -p "$home"/{run,config/vsync,state,cache,repo/.git}
    chmod 700 "$home"/{run,config/vsync}
    printf '[remote "origin"]\n\turl = git@git.example:acme/web.git\n' >"$home/repo/.git/config"
}

# settings NAME TEXT
settings() {
    printf '%s\n' "$2" >"$work/$1/config/vsync/vsyncd.yaml"
    chmod 600 "$work/$1/config/vsync/vsyncd.yaml"
}

# as NAME COMMAND…: becomes the command, in the machine's checkout and with its environment alone.
as() {
    local home=$work/$1
    shift
    cd "$home/repo" || exit 1
    exec "${user[@]}" env -i PATH="$PATH" HOME="$home" USER=story XDG_CONFIG_HOME="$home/config" \
        XDG_STATE_HOME="$home/state" XDG_CACHE_HOME="$home/cache" XDG_RUNTIME_DIR="$home/run" \
        VSYNC_POLL_INTERVAL=200ms VSYNC_KEY_STORE=file RUST_LOG=trace "$@"
}

# ctl NAME ARGUMENT…
ctl() {
    local name=$1
    shift
    (as "$name" "$bin/vsyncctl" --no-start "$@")
}

# daemon NAME [COMMAND…]: starts it, under a command that becomes it, and waits until it answers; sets `pid`.
daemon() {
    local name=$1
    shift
    (as "$name" "$@" "$bin/vsyncd") 2>>"$work/$name/vsyncd.log" &
    pid=$!
    started+=("$pid")
    eventually 60 ctl "$name" daemon status || fail "the daemon of $name does not answer"
}

# fails CODE TEXT NAME ARGUMENT…: it ends with that exit code and says so.
fails() {
    local wanted=$1 text=$2 code=0 said
    shift 2
    said=$(ctl "$@" 2>&1) || code=$?
    [ "$code" = "$wanted" ] || fail "vsyncctl $*: exit code $code instead of $wanted: $said"
    grep -qF -- "$text" <<<"$said" || fail "vsyncctl $*: '$text' is not in: $said"
}

# shows NAME TEXT: status --json has it.
shows() { grep -qF -- "$2" <<<"$(ctl "$1" --json status dev)"; }

comes() { eventually 60 shows "$@" || fail "status of $1 never has $2: $(ctl "$1" --json status dev)"; }

vault() { printf '%s/%s/repo/infra/vault/dev' "$work" "$1"; }
