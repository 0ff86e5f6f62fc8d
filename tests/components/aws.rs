//! Our target against a faithful Secrets Manager, with a user that may do what the documentation says and
//! no more.

use std::collections::BTreeMap;
use std::sync::Mutex;

use vsync_core::secret::Secret;
use vsyncd::targets::aws::Aws;
use vsyncd::targets::routing::{Routing, Surroundings};
use vsyncd::targets::{Mark, Target, TargetError, Write};

struct Moto {
    address: String,
    id: String,
    key: String,
}

impl Moto {
    async fn target(&self, prefix: &str, key: &str) -> Aws {
        let routing = Routing {
            aws_region: Some("us-east-1".into()),
            aws_secret_prefix: Some(prefix.into()),
            base_url: Some(self.address.clone()),
            ..Routing::default()
        };
        let env = [("AWS_ACCESS_KEY_ID", self.id.as_str()), ("AWS_SECRET_ACCESS_KEY", key)];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Aws::open(&routing, &Surroundings { env, ..Surroundings::default() }).await.expect("a target")
    }
}

fn put(name: &str, value: &[u8], exists: bool, token: u64) -> Write {
    let value = Secret::new(value.to_vec());
    Write::Put { name: name.into(), value, exists, token: format!("{token:032x}") }
}

type Outcomes = BTreeMap<String, Result<Option<Mark>, TargetError>>;

async fn apply(target: &Aws, writes: Vec<Write>) -> Outcomes {
    let done = Mutex::new(Outcomes::new());
    let note = |one: vsyncd::targets::Done| {
        done.lock().expect("the outcomes").insert(one.name, one.outcome);
    };
    target.apply(writes, &note).await;
    done.into_inner().expect("the outcomes")
}

pub(crate) async fn stories(place: &str) {
    let parts: Vec<String> = place.split(',').map(str::to_owned).collect();
    let [address, id, key] = parts.try_into().expect("ADDRESS,KEY ID,KEY");
    let moto = Moto { address, id, key };
    values_arrive(&moto).await;
    repeated_writes_make_no_version(&moto).await;
    what_was_taken_away_is_named(&moto).await;
    a_wrong_key_is_refused(&moto).await;
}

async fn values_arrive(moto: &Moto) {
    let binary: Vec<u8> = (0..=255).cycle().take(40 * 1024).collect();
    let values: [(&str, &[u8]); 4] =
        [("U", "grüße 漢字 🔑".as_bytes()), ("N", b"line\r\nline\n"), ("L", &[b'x'; 65_536]), ("B", &binary)];
    let names: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
    let target = moto.target("app/", &moto.key).await;
    assert!(target.look(&names).await.expect("a look").present.is_empty());
    let numbered = values.iter().zip(100..);
    let outcomes =
        apply(&target, numbered.map(|((name, value), token)| put(name, value, false, token)).collect()).await;
    let seen = target.look(&names).await.expect("a look").present;
    for (name, value) in values {
        let mark = outcomes[name].as_ref().expect("a write");
        assert!(mark.is_some() && seen[name] == *mark, "{name}: {mark:?} {:?}", seen[name]);
        assert_eq!(target.holds(name, &Secret::new(value.to_vec())).await, Ok(Some(true)), "{name}");
        assert_eq!(target.holds(name, &Secret::new(b"other".to_vec())).await, Ok(Some(false)), "{name}");
    }
    let changed = apply(&target, vec![put("U", b"new", true, 200)]).await;
    let again = target.look(&names).await.expect("a look").present;
    assert_eq!((&again["U"], again["U"] == seen["U"]), (changed["U"].as_ref().expect("a write"), false));
}

async fn repeated_writes_make_no_version(moto: &Moto) {
    let target = moto.target("app/", &moto.key).await;
    let first = apply(&target, vec![put("R", b"1", false, 300)]).await;
    let second = apply(&target, vec![put("R", b"2", true, 301)]).await;
    let same = apply(&target, vec![put("R", b"2", true, 301)]).await;
    assert_eq!(second["R"], same["R"]);
    assert_ne!(first["R"], second["R"]);
    // It is there although nobody knew.
    apply(&target, vec![put("R", b"3", false, 302)]).await.remove("R").expect("an outcome").expect("a write");
    assert_eq!(target.holds("R", &Secret::new(b"3".to_vec())).await, Ok(Some(true)));
}

async fn what_was_taken_away_is_named(moto: &Moto) {
    let target = moto.target("app/", &moto.key).await;
    apply(&target, vec![put("GONE", b"1", false, 400)]).await;
    for _ in 0..2 {
        let removed = apply(&target, vec![Write::Remove { name: "GONE".into() }]).await;
        assert_eq!(removed["GONE"], Ok(None));
    }
    assert!(target.look(&["GONE".into()]).await.expect("a look").present.is_empty());
    // moto would write it all the same, where AWS refuses; that it was looked at is enough to know.
    let error = apply(&target, vec![put("GONE", b"2", false, 401)]).await.remove("GONE").expect("an outcome");
    let hint = "aws secretsmanager restore-secret --secret-id app/GONE";
    assert!(
        matches!(&error, Err(TargetError::Failed { hint: Some(text), .. }) if text.contains(hint)),
        "{error:?}"
    );
}

async fn a_wrong_key_is_refused(moto: &Moto) {
    let wrong = moto.target("app/", "wrong/wrong/wrong/wrong/wrong/wrong/wron").await;
    let error = wrong.look(&["A".into()]).await.expect_err("a wrong key");
    // moto says it without the name that AWS gives such an error.
    assert!(matches!(error, TargetError::Denied { .. }), "{error:?}");
}
