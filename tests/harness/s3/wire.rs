//! The connections: counts requests, and breaks them where the test asked for it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use s3s::service::S3Service;
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::fault::{Fault, usual_code};
use super::{BUCKET, Hanging, Shared, service};

/// Any error here makes hyper drop the connection.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// Accepts until the runtime ends.
pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>) -> Result<Infallible, std::io::Error> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let protocol = service::protocol(Arc::clone(&shared.bucket));
    loop {
        // Running out of descriptors passes; the listener must outlive it.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::spawn(serve(stream, Arc::clone(&shared), protocol.clone()));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, protocol: S3Service) {
    let mut offline = shared.offline.subscribe();
    let answers = service_fn(|request| answer(request, Arc::clone(&shared), protocol.clone()));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answers);
    tokio::select! {
        biased;
        _ = offline.wait_for(|offline| *offline) => {}
        _ = connection => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    protocol: S3Service,
) -> Result<Response<Answer>, Broken> {
    let (method, key) = target(&request);
    let fault = shared.script.take(&method, &key);
    shared.count(method, key);
    let pace = match fault {
        Some(Fault::Status(status)) => return refuse(request, status, usual_code(status)).await,
        Some(Fault::Error(status, code)) => return refuse(request, status, code).await,
        Some(Fault::Overload(seconds)) => {
            let mut answer = refuse(request, 503, usual_code(503)).await?;
            answer.headers_mut().insert("retry-after", seconds.into());
            return Ok(answer);
        }
        Some(Fault::OtherRegion(region)) => {
            let mut answer = refuse(request, 400, "AuthorizationHeaderMalformed").await?;
            answer.headers_mut().insert("x-amz-bucket-region", region.parse()?);
            return Ok(answer);
        }
        Some(Fault::Hang) => {
            let _hangs = Hanging::begin(&shared);
            std::future::pending().await
        }
        Some(Fault::LoseAnswer) => {
            run(&protocol, request).await?;
            return Err("the answer is lost on purpose".into());
        }
        Some(Fault::DoneBut(status)) => {
            run(&protocol, request).await?;
            return failure(status, usual_code(status));
        }
        Some(Fault::Mute) => {
            run(&protocol, request).await?;
            return std::future::pending().await;
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            Pace::Full
        }
        Some(Fault::Slow(rate)) => Pace::Slow(rate),
        Some(Fault::CutBody) => Pace::Cut,
        Some(Fault::LongerLength(more)) => {
            return Ok(misannounced(run(&protocol, request).await?, |length| length + more));
        }
        Some(Fault::ShorterLength(only)) => {
            return Ok(misannounced(run(&protocol, request).await?, |length| length.min(only)));
        }
        None => Pace::Full,
    };
    Ok(run(&protocol, request).await?.map(|body| Answer::new(body, pace)))
}

/// The answer with another length in its header than the body has.
fn misannounced(answer: Response<s3s::Body>, length: impl Fn(u64) -> u64) -> Response<Answer> {
    let mut answer = answer.map(|body| Answer { silent: true, ..Answer::new(body, Pace::Full) });
    let wrong = length(answer.body().announced);
    answer.headers_mut().insert("content-length", wrong.into());
    answer
}

async fn run(protocol: &S3Service, request: Request<Incoming>) -> Result<Response<s3s::Body>, Broken> {
    Ok(protocol.call(request.map(s3s::Body::from)).await?)
}

/// An S3 error without having looked at the request. Its body is read first, so that the client
/// gets the answer instead of a reset.
async fn refuse(request: Request<Incoming>, status: u16, code: &str) -> Result<Response<Answer>, Broken> {
    let mut upload = request.into_body();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut upload).poll_frame(cx)).await {
        frame?;
    }
    failure(status, code)
}

/// An error as S3 words it.
fn failure(status: u16, code: &str) -> Result<Response<Answer>, Broken> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>on purpose</Message></Error>"
    );
    let answer = Response::builder().status(status).header("content-type", "application/xml");
    Ok(answer.body(Answer::new(text.into(), Pace::Full))?)
}

/// Method and key of a request; a listing is the method `LIST`, and has its prefix as key.
fn target(request: &Request<Incoming>) -> (String, String) {
    let path = decoded(request.uri().path());
    let key = path.trim_start_matches('/').strip_prefix(BUCKET).unwrap_or(&path).trim_start_matches('/');
    let query = request.uri().query().unwrap_or_default();
    if key.is_empty() && query.contains("list-type=2") {
        let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix="));
        return ("LIST".to_owned(), decoded(prefix.unwrap_or_default()));
    }
    (request.method().to_string(), key.to_owned())
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// How a body leaves.
#[derive(Debug, Clone, Copy)]
enum Pace {
    Full,
    Slow(u64),
    Cut,
}

/// Slices per second of a slow body.
const SLICES: u64 = 20;

/// A body that can be slow or end too early.
struct Answer {
    inner: s3s::Body,
    pace: Pace,
    announced: u64,
    /// Leaves the announcement to the header, true or not.
    silent: bool,
    sent: u64,
    waiting: Bytes,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    fn new(inner: s3s::Body, pace: Pace) -> Self {
        let announced = inner.size_hint().lower();
        Self { inner, pace, announced, silent: false, sent: 0, waiting: Bytes::new(), pause: None }
    }

    /// The most that may go out now; `None` when the connection is to break here.
    fn allowance(&self) -> Option<usize> {
        match self.pace {
            Pace::Full => Some(usize::MAX),
            Pace::Slow(rate) => Some(usize::try_from((rate / SLICES).max(1)).unwrap_or(usize::MAX)),
            Pace::Cut => {
                usize::try_from((self.announced / 2).saturating_sub(self.sent)).ok().filter(|n| *n > 0)
            }
        }
    }

    /// The wait before the next slice: what was sent gets time to leave, also before a break.
    fn wait(&self) -> Option<Duration> {
        match self.pace {
            Pace::Full => None,
            Pace::Slow(rate) => Some(Duration::from_millis((1000 / rate.clamp(1, SLICES)).max(1))),
            Pace::Cut => Some(Duration::from_millis(20)),
        }
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        if let Some(pause) = &mut this.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        if this.waiting.is_empty() {
            match std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.waiting = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let Some(allowance) = this.allowance() else {
            return Poll::Ready(Some(Err("the body is cut on purpose".into())));
        };
        let slice = this.waiting.split_to(allowance.min(this.waiting.len()));
        this.sent += slice.len() as u64;
        this.pause = this.wait().map(|time| Box::pin(tokio::time::sleep(time)));
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.silent { SizeHint::default() } else { SizeHint::with_exact(self.announced - self.sent) }
    }
}
