//! What a failed request means.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use vsync_core::sync::{Cause, Refusal, Right};

use crate::store::{Condition, StoreError};

/// A failure, taken apart.
#[derive(Debug)]
enum Failure {
    /// The server answered with this status and, in a body, this code.
    Answer(u16, Option<String>),
    /// No connection came to stand: nothing was sent.
    NoConnection(String),
    /// The request left, or may have, and no usable answer came.
    NoAnswer(String),
    /// The request could not be made.
    Request(String),
}

impl Failure {
    fn of<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Self {
        match error {
            SdkError::ServiceError(answer) => {
                let code = answer.err().code().map(word).filter(|code| !code.is_empty());
                Self::Answer(answer.raw().status().as_u16(), code)
            }
            SdkError::TimeoutError(_) => Self::NoAnswer("no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) => {
                let source = failure.as_connector_error().map(|error| error as &dyn Error);
                let (innermost, connected) = source.map_or(("no answer".to_owned(), true), chain);
                if connected { Self::NoAnswer(innermost) } else { Self::NoConnection(innermost) }
            }
            SdkError::ResponseError(_) => Self::NoAnswer("the answer is incomplete or not S3's".to_owned()),
            SdkError::ConstructionFailure(_) => Self::Request("the request cannot be built".to_owned()),
            _ => Self::NoAnswer("an unknown failure".to_owned()),
        }
    }
}

/// The text of the innermost cause, and whether a connection stood. The HTTP client tells a failed
/// connection only by its type, which it does not export, and its text.
fn chain(error: &(dyn Error + 'static)) -> (String, bool) {
    let mut connected = true;
    let mut at = error;
    loop {
        let text = at.to_string();
        if text.contains("(Connect)") || text.contains("HTTP connect timeout") {
            connected = false;
        }
        match at.source() {
            Some(source) => at = source,
            None => return (text, connected),
        }
    }
}

/// A server's code, reduced to what may be shown.
fn word(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

/// What was asked of the store, for a refusal to name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) right: Right,
    pub(super) name: &'a str,
}

impl<'a> Asked<'a> {
    /// A read of an object.
    pub(super) const fn object(key: &'a str) -> Self {
        Self { right: Right::GetObject, name: key }
    }
}

/// Names the store in errors.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    /// Endpoint host and bucket.
    pub(super) store: String,
}

impl Answers {
    fn text(&self, what: &str) -> String {
        format!("{}: {what}", self.store)
    }

    /// What a failed GET or listing means; `None` for a key that does not exist.
    pub(super) fn read<E: ProvideErrorMetadata>(
        &self,
        error: &SdkError<E>,
        asked: Asked<'_>,
    ) -> Option<StoreError> {
        match Failure::of(error) {
            Failure::Answer(404, Some(code)) if code != "NoSuchBucket" => None,
            Failure::Answer(status, code) => {
                Some(self.refused(status, code.as_deref(), region(error), asked))
            }
            Failure::NoConnection(why) | Failure::NoAnswer(why) => {
                Some(StoreError::Unreachable(self.text(&why)))
            }
            Failure::Request(why) => Some(StoreError::Failed(self.text(&why))),
        }
    }

    /// What a failed PUT means. It is `Unclear` whenever the object may have been written.
    pub(super) fn write<E: ProvideErrorMetadata>(
        &self,
        error: &SdkError<E>,
        condition: Option<&Condition>,
        key: &str,
    ) -> StoreError {
        let asked = Asked { right: Right::PutObject, name: key };
        let refused = |status, code: Option<&str>| self.refused(status, code, region(error), asked);
        match Failure::of(error) {
            Failure::Answer(409 | 412, _) => StoreError::Conflict,
            Failure::Answer(404, code) if code.as_deref() != Some("NoSuchBucket") => match condition {
                Some(Condition::Matches(_)) => StoreError::Conflict,
                Some(Condition::Absent) | None => refused(404, code.as_deref()),
            },
            // Overload is refused before anything is written, if the store itself says so; and
            // so is what the store cannot do.
            Failure::Answer(status @ (429 | 501 | 503), code @ Some(_)) => refused(status, code.as_deref()),
            Failure::Answer(status, code) if status >= 500 || code.as_deref() == Some("RequestTimeout") => {
                StoreError::Unclear(self.text(&answered(status, code.as_deref())))
            }
            Failure::Answer(status, code) => refused(status, code.as_deref()),
            Failure::NoConnection(why) => StoreError::Unreachable(self.text(&why)),
            Failure::NoAnswer(why) => StoreError::Unclear(self.text(&why)),
            Failure::Request(why) => StoreError::Failed(self.text(&why)),
        }
    }

    fn refused(
        &self,
        status: u16,
        code: Option<&str>,
        region: Option<String>,
        asked: Asked<'_>,
    ) -> StoreError {
        let text = self.text(&answered(status, code));
        let denied = |cause| StoreError::Denied(Refusal { text: text.clone(), cause });
        match (status, code) {
            (_, Some("RequestTimeTooSkewed" | "RequestExpired")) => StoreError::ClockSkew(text),
            (_, Some("NoSuchBucket")) => StoreError::NoBucket(self.store.clone()),
            (_, Some("InvalidAccessKeyId" | "InvalidClientTokenId")) => denied(Cause::UnknownKeyId),
            (_, Some("SignatureDoesNotMatch")) => denied(Cause::WrongSecret),
            (_, Some("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired")) => denied(Cause::Expired),
            (_, Some("AccountProblem" | "AllAccessDisabled" | "NotSignedUp" | "UserSuspended")) => {
                denied(Cause::Account)
            }
            (
                _,
                Some(
                    "AuthorizationHeaderMalformed"
                    | "PermanentRedirect"
                    | "TemporaryRedirect"
                    | "IllegalLocationConstraintException",
                ),
            )
            | (301 | 307, _) => denied(Cause::Region(region)),
            // Without S3's words it may be a proxy or a portal on the way that refuses.
            (401 | 403, None) => denied(Cause::Unknown),
            (_, Some("AccessDenied")) | (401 | 403, _) => {
                denied(Cause::Right { right: asked.right, name: asked.name.to_owned() })
            }
            (_, Some("SlowDown" | "RequestTimeout")) | (429 | 500 | 502.., _) => {
                StoreError::Unreachable(text)
            }
            _ => StoreError::Failed(text),
        }
    }
}

/// The region that the bucket is in, where the answer says so.
fn region<E>(error: &SdkError<E>) -> Option<String> {
    let answer = error.raw_response()?;
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect()
    };
    let named = answer.headers().get("x-amz-bucket-region").map(plain);
    let named = named.or_else(|| {
        let body = std::str::from_utf8(answer.body().bytes()?).ok()?;
        Some(plain(body.split_once("<Region>")?.1.split_once("</Region>")?.0))
    });
    named.filter(|region| !region.is_empty())
}

fn answered(status: u16, code: Option<&str>) -> String {
    match code {
        Some(code) => format!("{code} (HTTP {status})"),
        None => format!("HTTP {status}"),
    }
}
