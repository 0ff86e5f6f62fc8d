//! Asking about secrets one by one, for targets whose lists do not tell enough.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use super::http::each;
use super::{Mark, Seen, TargetError};

/// Asks about the first secret alone, which proves the credential, and then about all others, several at
/// a time. `ask` answers `None` for one that is not there. After the first error nothing more is asked.
///
/// # Errors
/// The first one of `ask`.
pub async fn survey<F>(names: &[String], ask: impl Fn(String) -> F) -> Result<Seen, TargetError>
where
    F: Future<Output = Result<Option<Option<Mark>>, TargetError>>,
{
    let mut seen = Seen::default();
    let Some((first, others)) = names.split_first() else { return Ok(seen) };
    if let Some(mark) = ask(first.clone()).await? {
        seen.present.insert(first.clone(), mark);
    }
    let (over, mut failure) = (AtomicBool::new(false), None);
    each(
        others.to_vec(),
        |name| {
            let asked = (!over.load(Ordering::Relaxed)).then(|| ask(name.clone()));
            async move {
                match asked {
                    Some(asked) => (name, asked.await),
                    None => (name, Ok(None)),
                }
            }
        },
        |(name, answer)| match answer {
            Ok(Some(mark)) => drop(seen.present.insert(name, mark)),
            Ok(None) => {}
            Err(error) => {
                over.store(true, Ordering::Relaxed);
                failure.get_or_insert(error);
            }
        },
    )
    .await;
    failure.map_or(Ok(seen), Err)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn failed() -> TargetError {
        TargetError::Conflict { target: "t".into() }
    }

    #[tokio::test]
    async fn all_are_asked_until_one_fails() {
        let asked = RefCell::new(Vec::new());
        let ask = |failing: &'static str| {
            let asked = &asked;
            move |name: String| {
                asked.borrow_mut().push(name.clone());
                async move {
                    match name.as_str() {
                        name if name == failing => Err(failed()),
                        "absent" => Ok(None),
                        name => Ok(Some(Some(Mark(name.to_owned())))),
                    }
                }
            }
        };
        let names: Vec<String> = ["a", "absent", "b"].map(str::to_owned).into();
        let seen = survey(&names, ask("")).await.unwrap().present;
        assert_eq!(seen.keys().collect::<Vec<_>>(), ["a", "b"]);
        asked.borrow_mut().clear();
        assert_eq!(survey(&names, ask("a")).await, Err(failed()));
        assert_eq!(*asked.borrow(), ["a"], "the first failure is the only request");
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        asked.borrow_mut().clear();
        assert_eq!(survey(&many, ask("1")).await, Err(failed()));
        assert!(asked.borrow().len() <= 10, "{:?}", asked.borrow());
        assert_eq!(survey(&[], ask("")).await, Ok(Seen::default()));
    }
}
