# shellcheck shell=bash
# Two people, two machines, one store, keys in their keychains: the words of the README. After
# session.sh, with a session for each.

# person NAME ARGUMENT…: runs vsyncctl in that person's checkout.
person() {
    local name=$1
    shift
    printf '%s$ vsyncctl %s\n' "$name" "$*"
    (cd "$work/$name/repo" && in_session "$name" vsyncctl "$@")
}

# refused CODE NAME ARGUMENT…: the same, and it ends with that exit code.
refused() {
    local wanted=$1 code=0
    shift
    person "$@" >"$work/refused.out" 2>&1 || code=$?
    cat "$work/refused.out"
    [ "$code" = "$wanted" ] || fail "exit code $code instead of $wanted"
}

checkout() {
    mkdir -p "$work/$1/repo/.git"
    printf '[remote "origin"]\n\turl = git@git.example:acme/web.git\n' >"$work/$1/repo/.git/config"
}

vault() { printf '%s/%s/repo/infra/vault/dev' "$work" "$1"; }

alike() { diff -r "$(vault ann)" "$(vault ben)"; }

status_says() { grep -q "$2" <<<"$(person "$1" status dev --json | tr -d ' \n')"; }

stored_key() { in_session "$1" secret-tool lookup service tools.vsync account acme_web/dev; }

# two_machines INIT_ARGUMENT…: ann begins with these, ben joins.
two_machines() {
    checkout ann
    checkout ben
    person ann init dev "$@"
    printf 'API_KEY=made-up-1\n' >"$(vault ann)/.env"
    mkdir "$(vault ann)/tls" && printf 'old pem\n' >"$(vault ann)/tls/old.pem"
    person ann push dev --note 'first version'
    printf 'six words that nobody else has' >"$work/passphrase"
    chmod 600 "$work/passphrase"
    person ann export dev --out "$work/dev.share" --passphrase-file "$work/passphrase"
    person ben import dev "$work/dev.share" --passphrase-file "$work/passphrase"
    alike || fail 'the folders differ after import'

    [ -n "$(stored_key ann)" ] && [ "$(stored_key ann)" = "$(stored_key ben)" ] || fail 'the keys differ'
    if grep -rqF "$(stored_key ann)" "$work/ann/home" "$work/ben/home"; then
        fail 'a key lies in a file'
    fi
    status_says ben '"key_store":"keychain"' || fail 'status does not name the keychain'
    person ben doctor

    printf 'API_KEY=made-up-2\n' >"$(vault ann)/.env" && rm -r "$(vault ann)/tls"
    person ann diff dev
    person ann push dev
    eventually 30 alike || fail 'the edit and the deletion do not arrive'

    printf 'DEBUG=1\n' >>"$(vault ben)/.env"
    printf 'API_KEY=made-up-3\n' >"$(vault ann)/.env" && person ann push dev
    refused 4 ben pull dev
    person ben pull dev --backup
    alike || fail 'the folders differ after pull --backup'
    person ben backup list
    person ben versions dev
    person ben status
}

# A keychain that locks: what is in memory goes on, what is not waits and comes back by itself.
locked_keychain() {
    open_keyring ben 'not the password'
    printf 'API_KEY=made-up-4\n' >"$(vault ann)/.env" && person ann push dev
    eventually 30 alike || fail 'a key in memory needs the keychain'
    refused 5 ben export dev --out "$work/never.share" --passphrase-file "$work/passphrase"
    grep -q 'locked' "$work/refused.out" || fail 'the error does not say that it is locked'

    person ben daemon stop
    printf 'API_KEY=made-up-5\n' >"$(vault ann)/.env" && person ann push dev
    eventually 20 status_says ben '"reason":"keychain_locked"' || fail 'a locked keychain is not shown'
    refused 1 ben doctor
    reopen_keyring ben ben
    eventually 90 alike || { person ben status; fail 'it does not go on when the keychain opens'; }
    eventually 20 status_says ben '"state":"ok"' || fail 'the state does not recover'
}

# A daemon that is older than the session: without a bus it waits, and finds the one that appears at the
# usual place.
late_session() {
    person ben daemon stop
    end_session ben
    printf 'API_KEY=made-up-6\n' >"$(vault ann)/.env" && person ann push dev
    eventually 20 status_says ben '"reason":"keychain_unavailable"' || fail 'a missing bus is not shown'
    begin_session ben --session --address="unix:path=$work/ben/run/bus"
    reopen_keyring ben ben
    eventually 90 alike || { person ben status; fail 'the bus that appeared is not found'; }
}

# No daemon is left behind.
stop_daemons() {
    person ann daemon stop
    person ben daemon stop
}
