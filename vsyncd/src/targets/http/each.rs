//! Several things at a time, but not too many.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// How many requests are in flight at most.
pub const AT_ONCE: usize = 8;

/// Does `work` for every item, at most [`AT_ONCE`] at a time and begun in order; `settled` is given each
/// result as soon as it is there.
pub async fn each<T, R, F>(items: Vec<T>, work: impl Fn(T) -> F, mut settled: impl FnMut(R))
where
    F: Future<Output = R>,
{
    let mut waiting = items.into_iter();
    let mut running: Vec<Pin<Box<F>>> =
        waiting.by_ref().take(AT_ONCE).map(|item| Box::pin(work(item))).collect();
    while !running.is_empty() {
        let (at, result) = poll_fn(|context| {
            for (at, future) in running.iter_mut().enumerate() {
                if let Poll::Ready(result) = future.as_mut().poll(context) {
                    return Poll::Ready((at, result));
                }
            }
            Poll::Pending
        })
        .await;
        drop(running.swap_remove(at));
        if let Some(item) = waiting.next() {
            running.push(Box::pin(work(item)));
        }
        settled(result);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn all_are_done_and_never_more_than_eight_at_once() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut done = Vec::new();
        each(
            (0..50_usize).collect(),
            |item| {
                let (running, most) = (&running, &most);
                async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    for _ in 0..item % 7 {
                        tokio::task::yield_now().await;
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                    item
                }
            },
            |item| done.push(item),
        )
        .await;
        assert_eq!(most.into_inner(), AT_ONCE);
        done.sort_unstable();
        assert_eq!(done, (0..50).collect::<Vec<_>>());
    }
}
