//! What happens, step by step.

use crate::playground::Playground;
use crate::{Outcome, script};

/// Tells the whole story; the first step that does not end as it should ends it.
pub(crate) fn tell(ground: &Playground) -> Outcome<()> {
    ann_begins(ground)?;
    ben_joins(ground)?;
    changes_travel(ground)?;
    an_edit_is_protected(ground)?;
    an_outage_is_survived(ground)?;
    the_store_tells_nothing(ground)
}

fn ann_begins(Playground { ann, .. }: &Playground) -> Outcome<()> {
    script::title("1. Ann makes an environment and publishes it");
    ann.run("vsyncctl init dev --store file://$STORE --key-store file", 0)?;
    ann.run("mkdir infra/vault/dev/tls && echo 'old key' > infra/vault/dev/tls/old.pem", 0)?;
    ann.run("echo 'API_KEY=made-up-1' > infra/vault/dev/.env", 0)?;
    ann.wait_status("two edits", |pair| {
        pair["local"]["added"].as_array().is_some_and(|added| added.len() == 2)
    })?;
    ann.run("vsyncctl status", 0)?;
    ann.run("vsyncctl push dev --note 'first version'", 0)
}

fn ben_joins(Playground { ann, ben, .. }: &Playground) -> Outcome<()> {
    script::title("2. Ben joins with a sealed file and its passphrase");
    ann.run("(umask 077; echo 'plum orbit lantern gravel' > $DESK/passphrase)", 0)?;
    ann.run("vsyncctl export dev --out $DESK/dev.share --passphrase-file $DESK/passphrase", 0)?;
    ben.run("vsyncctl import dev $DESK/dev.share --passphrase-file $DESK/passphrase --key-store file", 0)?;
    ben.run("cat infra/vault/dev/.env && ls infra/vault/dev/tls", 0)
}

fn changes_travel(Playground { ann, ben, .. }: &Playground) -> Outcome<()> {
    script::title("3. An edit and a deletion travel");
    ann.run("echo 'API_KEY=made-up-2' > infra/vault/dev/.env && rm -r infra/vault/dev/tls", 0)?;
    ann.run("vsyncctl diff dev", 0)?;
    ann.run("vsyncctl push dev", 0)?;
    ben.wait("cat infra/vault/dev/.env", "API_KEY=made-up-2")?;
    ben.run("cat infra/vault/dev/.env && ls -A infra/vault/dev", 0)
}

fn an_edit_is_protected(Playground { ann, ben, .. }: &Playground) -> Outcome<()> {
    script::title("4. Both edit: nothing of Ben's is overwritten");
    ben.run("echo 'DEBUG=1  # mine' >> infra/vault/dev/.env", 0)?;
    ben.wait_status("edited", |pair| pair["state"] == "edited")?;
    ann.run("echo 'API_KEY=made-up-3' > infra/vault/dev/.env && vsyncctl push dev", 0)?;
    ben.wait_status("diverged", |pair| pair["state"] == "diverged")?;
    ben.run("vsyncctl status", 0)?;
    ben.run("vsyncctl pull dev", 4)?;
    ben.run("cat infra/vault/dev/.env", 0)?;
    ben.run("vsyncctl pull dev --backup", 0)?;
    ben.run("cat infra/vault/dev/.env", 0)?;
    ben.run("vsyncctl backup list", 0)?;
    let json = ben.answer("vsyncctl --json backup list")?;
    let name = newest_backup(&json).ok_or_else(|| format!("no backup is listed: {json}"))?;
    ben.run(&format!("vsyncctl backup restore dev {name} $DESK/mine"), 0)?;
    ben.run("cat $DESK/mine/.env", 0)
}

fn an_outage_is_survived(Playground { ann, ben, .. }: &Playground) -> Outcome<()> {
    script::title("5. The store goes away and comes back");
    ann.run("mv $STORE $STORE.away", 0)?;
    ben.wait_status("a missing store", |pair| pair["reason"] == "bucket_missing")?;
    ben.run("vsyncctl status", 0)?;
    script::say("the last good content stays readable");
    ben.run("cat infra/vault/dev/.env", 0)?;
    ann.run("echo 'API_KEY=made-up-4' > infra/vault/dev/.env && vsyncctl push dev", 9)?;
    ann.run("mv $STORE.away $STORE", 0)?;
    ann.run("vsyncctl push dev", 0)?;
    ben.wait("cat infra/vault/dev/.env", "API_KEY=made-up-4")?;
    ben.run("vsyncctl status", 0)
}

fn the_store_tells_nothing(Playground { ann, .. }: &Playground) -> Outcome<()> {
    script::title("6. What the store knows");
    ann.run("vsyncctl versions dev", 0)?;
    ann.run("find $STORE -name '*.obj' | sort", 0)?;
    script::say("no object holds a word of the vault");
    ann.run("grep -rl made-up $STORE", 1)?;
    ann.run("vsyncctl doctor", 0)
}

/// The name of the backup on top of `backup list --json`.
fn newest_backup(json: &str) -> Option<String> {
    let list: serde_json::Value = serde_json::from_str(json).ok()?;
    Some(list.as_array()?.first()?.get("name")?.as_str()?.to_owned())
}
