//! The connections.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::message::decoded;
use super::{Fault, Received, Reply, Shared};

/// Any error here makes hyper drop the connection.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// How long the half of a body that is sent has time to leave before the connection breaks.
const LEAVING: Duration = Duration::from_millis(20);

/// Accepts until the runtime ends.
pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>) -> Result<Infallible, std::io::Error> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        // Running out of descriptors passes; the listener must outlive it.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut offline = shared.offline.subscribe();
    let answers = service_fn(|request| answer(request, Arc::clone(&shared)));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answers);
    tokio::select! {
        biased;
        _ = offline.wait_for(|offline| *offline) => {}
        _ = connection => {}
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Broken> {
    let target = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let method = request.method().to_string();
    shared.log.lock().unwrap_or_else(PoisonError::into_inner).push((method.clone(), target.clone()));
    // The body is read first, so that the client gets the answer instead of a reset.
    let received = receive(request).await?;
    let run = || shared.service.answer(&received);
    match shared.script.take(&method, &target) {
        Some(Fault::Answer(reply)) => respond(reply, false),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Drop) => Err("the connection is dropped on purpose".into()),
        Some(Fault::CutBody) => respond(run(), true),
        Some(Fault::LoseAnswer) => {
            run();
            Err("the answer is lost on purpose".into())
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            respond(run(), false)
        }
        None => respond(run(), false),
    }
}

async fn receive(request: Request<Incoming>) -> Result<Received, Broken> {
    let (head, mut upload) = request.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut upload).poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            body.extend_from_slice(&data);
        }
    }
    let query = head.uri.query().unwrap_or_default();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Ok(Received {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
        headers: head.headers.iter().map(header).collect(),
        body,
    })
}

fn respond(reply: Reply, cut: bool) -> Result<Response<Body>, Broken> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let announced = reply.body.len() as u64;
    let mut data = Bytes::from(reply.body);
    if cut {
        data.truncate(data.len() / 2);
    }
    Ok(response.body(Body {
        data: Some(data).filter(|data| !data.is_empty()),
        announced,
        cut,
        pause: None,
    })?)
}

/// A body that can end too early.
struct Body {
    data: Option<Bytes>,
    announced: u64,
    cut: bool,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if !self.cut {
            return Poll::Ready(None);
        }
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(LEAVING)));
        std::task::ready!(pause.as_mut().poll(cx));
        Poll::Ready(Some(Err("the body is cut on purpose".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.data.as_ref().map_or(0, Bytes::len) as u64;
        if self.cut { SizeHint::with_exact(self.announced.max(1)) } else { SizeHint::with_exact(left) }
    }
}
