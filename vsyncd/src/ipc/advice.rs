//! What to do about a refusal of the store.

use vsync_core::sync::{Cause, Problem, Refusal, Right};

/// Advice for people, naming the right, the object or the setting that has to change.
pub(super) fn on(refusal: &Refusal) -> String {
    let again = "vsyncctl profile add with the same name and place replaces credentials";
    match &refusal.cause {
        Cause::Right { right: Right::GetObject, name } => format!(
            "these credentials need s3:GetObject on '{name}'; where it does not exist yet, s3:ListBucket on \
             '{}' too: without it a missing object looks like a refusal",
            prefix(name)
        ),
        Cause::Right { right, name } => format!("these credentials need {right} on '{name}'"),
        Cause::UnknownKeyId => {
            format!(
                "the store does not know this access key id: was it deleted, or is it another store's? {again}"
            )
        }
        Cause::WrongSecret => {
            format!("the secret access key does not belong to the access key id; {again}")
        }
        Cause::Expired => format!("the credentials have expired; {again}"),
        Cause::Account => "the account may not use the store: ask whoever runs or pays for it".to_owned(),
        Cause::Region(Some(region)) => {
            format!("the bucket is in the region '{region}': use it, and the endpoint that goes with it")
        }
        Cause::Region(None) => "the bucket is in another region, or belongs to another endpoint".to_owned(),
        Cause::Folder => {
            "look at owner and mode of the store's folder, and whether its disk is mounted read-only".to_owned()
        }
        Cause::Unknown => {
            "the credentials need GetObject, PutObject and ListBucket on the vault's prefix; an answer without \
             S3's own words may come from a proxy on the way"
                .to_owned()
        }
    }
}

/// What to do about a disk that does not take or give something.
pub(super) const fn on_disk(problem: &Problem) -> Option<&'static str> {
    Some(match problem {
        Problem::DiskFull(_) => "free some space; what waits for it goes on by itself",
        Problem::QuotaFull(_) => {
            "free some of this user's quota, or have it raised; what waits for it goes on by itself"
        }
        Problem::ReadOnly(_) => {
            "the file system is mounted read-only: the system's log may say why; once it can be written again, \
             what waits for it goes on by itself"
        }
        Problem::TooManyFiles(_) => {
            "raise the limit of open files (ulimit -n, LimitNOFILE=), or end what holds so many open; what waits \
             for it goes on by itself"
        }
        Problem::DiskFailed(_) => {
            "the disk may be failing: look at the system's log, and make sure that a copy of the key is elsewhere; \
             what waits for the disk goes on by itself"
        }
        Problem::NotAllowed(_) => {
            "look at owner and mode of what is named; what waits for it goes on by itself"
        }
        _ => return None,
    })
}

/// The part of a key that all objects of its vault share.
fn prefix(key: &str) -> String {
    key.rsplit_once('/').map(|(above, _)| format!("{above}/")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_named_with_what_it_is_needed_on() {
        let advice = |right, name: &str| {
            on(&Refusal { text: String::new(), cause: Cause::Right { right, name: name.to_owned() } })
        };
        let read = advice(Right::GetObject, "acme/dev/manifest");
        for part in ["s3:GetObject on 'acme/dev/manifest'", "s3:ListBucket on 'acme/dev/'"] {
            assert!(read.contains(part), "{read}");
        }
        let write = advice(Right::PutObject, "acme/dev/v=1");
        assert!(write.contains("s3:PutObject on 'acme/dev/v=1'") && !write.contains("ListBucket"), "{write}");
        assert!(advice(Right::ListBucket, "acme/dev/").contains("s3:ListBucket on 'acme/dev/'"));
    }
}
