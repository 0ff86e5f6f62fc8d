//! One client: lines in, answers out, neither side able to stall the daemon.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt as _, ReadHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::sync::CancellationToken;
use vsync_proto::codec::{self, Id, REQUEST_MAX};
use vsync_proto::error::{Code, Failure};
use vsync_proto::request::Call;

use super::server::{Client, Clients, Service};

/// Requests of one client that are worked on at a time; more wait in the socket.
const REQUESTS_MAX: usize = 8;
/// How long the first message, or the rest of a begun line, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a client may take to accept what it is sent.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// After a client closed its sending side, how often is checked whether it still listens.
const PROBE: Duration = Duration::from_secs(1);

/// Where notifications for one request go.
#[derive(Debug, Clone)]
pub struct Outbox {
    id: Id,
    lines: mpsc::Sender<String>,
}

impl Outbox {
    /// The number of the request.
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// Sends a notification, waiting for room. False when the client has left.
    pub async fn notify<P: Serialize>(&self, method: &str, params: &P) -> bool {
        match codec::notification_line(method, params) {
            Ok(line) => self.lines.send(line).await.is_ok(),
            Err(_) => true,
        }
    }

    /// Sends a notification if there is room for it now; progress that nobody reads is dropped.
    pub fn notify_or_drop<P: Serialize>(&self, method: &str, params: &P) {
        if let Ok(line) = codec::notification_line(method, params) {
            let _ = self.lines.try_send(line);
        }
    }
}

type Lines = FramedRead<ReadHalf<Stream>, LinesCodec>;

/// Speaks with one client until it leaves, misbehaves or dawdles.
pub(super) async fn converse(
    stream: Stream,
    service: Arc<dyn Service>,
    clients: &Clients,
    client: &Client,
    stop: &CancellationToken,
) {
    let (reader, writer) = tokio::io::split(stream);
    let mut lines = FramedRead::new(reader, LinesCodec::new_with_max_length(REQUEST_MAX));
    let (outgoing, queued) = mpsc::channel(64);
    let mut writing = std::pin::pin!(write(writer, queued));
    let talk = talk(&mut lines, outgoing, service, (clients, client), stop);
    tokio::select! {
        () = talk => {}
        // The client takes nothing any more; whatever it asked for is dropped with `talk`.
        () = &mut writing => return,
    }
    // The last answers are still to be written; the queue is closed behind them.
    writing.await;
}

async fn write(mut writer: impl AsyncWrite + Unpin, mut queued: mpsc::Receiver<String>) {
    while let Some(line) = queued.recv().await {
        match timeout(WRITE_PATIENCE, writer.write_all(line.as_bytes())).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
    let _ = timeout(WRITE_PATIENCE, writer.shutdown()).await;
}

async fn talk(
    lines: &mut Lines,
    outgoing: mpsc::Sender<String>,
    service: Arc<dyn Service>,
    (clients, client): (&Clients, &Client),
    stop: &CancellationToken,
) {
    let mut running = JoinSet::new();
    let mut listening = 0;
    let mut greeted = false;
    let mut stalled = false;
    let mut tick = interval(PATIENCE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.reset();
    loop {
        // Whoever only listens makes way for those who ask.
        client.busy.store(running.len() > listening, Ordering::Relaxed);
        tokio::select! {
            line = next_line(lines), if running.len() < REQUESTS_MAX => {
                stalled = false;
                clients.heard(client);
                match line {
                    Some(Ok(line)) if line.trim().is_empty() => {}
                    Some(Ok(line)) => match accept(&line, &mut greeted) {
                        Ok((id, call)) => {
                            let listens = usize::from(matches!(call, Call::Subscribe(_)));
                            listening += listens;
                            let out = Outbox { id, lines: outgoing.clone() };
                            let service = Arc::clone(&service);
                            running.spawn(async move {
                                answer(&*service, call, out).await;
                                listens
                            });
                        }
                        Err((id, failure)) => {
                            let fatal = !greeted;
                            let line = codec::failure_line(id.as_ref(), &failure);
                            if outgoing.send(line).await.is_err() || fatal {
                                return;
                            }
                        }
                    },
                    Some(Err(failure)) => {
                        let _ = outgoing.send(codec::failure_line(None, &failure)).await;
                        return;
                    }
                    None => return drain(running, &outgoing).await,
                }
            }
            Some(done) = running.join_next() => {
                listening = listening.saturating_sub(done.unwrap_or_default());
                clients.heard(client);
            }
            // The daemon ends: what was asked is still answered.
            () = stop.cancelled() => return drain(running, &outgoing).await,
            _ = tick.tick() => {
                let begun = !lines.read_buffer().is_empty() && running.len() < REQUESTS_MAX;
                if !greeted || begun && stalled {
                    let failure = Failure::new(Code::BadRequest, "no complete request came in time");
                    let _ = outgoing.send(codec::failure_line(None, &failure)).await;
                    return;
                }
                stalled = begun;
            }
        }
    }
}

async fn next_line(lines: &mut Lines) -> Option<Result<String, Failure>> {
    use std::future::poll_fn;
    use std::pin::Pin;
    let next = poll_fn(|context| {
        let lines: Pin<&mut Lines> = Pin::new(lines);
        futures_core::Stream::poll_next(lines, context)
    });
    Some(match next.await? {
        Ok(line) => Ok(line),
        Err(LinesCodecError::MaxLineLengthExceeded) => {
            let text = format!("the request is longer than {REQUEST_MAX} bytes");
            Err(Failure::new(Code::RequestTooLarge, text))
        }
        Err(LinesCodecError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Failure::new(Code::BadRequest, "the request is not UTF-8"))
        }
        Err(LinesCodecError::Io(_)) => return None,
    })
}

/// Reads one request. The first must be a greeting; one that fails ends the conversation.
fn accept(line: &str, greeted: &mut bool) -> Result<(Id, Call), (Option<Id>, Failure)> {
    let request = codec::read_request(line.as_bytes()).map_err(|bad| (bad.id, bad.failure))?;
    let id = request.id;
    let call = match Call::read(&request.method, request.params.as_deref()) {
        Ok(call) => call,
        Err(failure) => return Err((Some(id), failure)),
    };
    match &call {
        Call::Hello(hello) => {
            vsync_proto::hello::check(hello.protocol, vsync_proto::hello::PROTOCOL)
                .map_err(|failure| (Some(id.clone()), failure))?;
            *greeted = true;
        }
        _ if !*greeted => {
            let failure = Failure::new(Code::BadRequest, "the first request must be 'hello'");
            return Err((Some(id), failure));
        }
        _ => {}
    }
    Ok((id, call))
}

async fn answer(service: &dyn Service, call: Call, out: Outbox) {
    let result = match crate::tasks::caught(service.call(call, &out)).await {
        Ok(result) => result,
        Err(panicked) => Err(Failure::new(Code::Internal, panicked.to_string())
            .hint("the daemon's log has more; please report it")),
    };
    let lines = result.and_then(|result| codec::answer_lines(&out.id, &result));
    match lines {
        Ok(lines) => {
            for line in lines {
                if out.lines.send(line).await.is_err() {
                    return;
                }
            }
        }
        Err(failure) => {
            let _ = out.lines.send(codec::failure_line(Some(&out.id), &failure)).await;
        }
    }
}

/// The client sends nothing more. A script that closed its end still waits for its answers; a
/// client that is gone does not, and an empty line, which JSON readers skip, tells the two apart.
async fn drain(mut running: JoinSet<usize>, outgoing: &mpsc::Sender<String>) {
    let mut probe = interval(PROBE);
    probe.reset();
    loop {
        tokio::select! {
            done = running.join_next() => if done.is_none() { return },
            _ = probe.tick() => if outgoing.send("\n".to_owned()).await.is_err() { return },
        }
    }
}
