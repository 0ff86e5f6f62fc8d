//! The services beside a machine in a cloud that tell it who it is.
//!
//! They speak plain HTTP, which is why nothing is asked but loopback and link-local addresses: what
//! travels there never leaves the machine and its host.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use vsync_core::secret::Secret;

use super::http;

/// How long a machine that is in no cloud is kept waiting.
const CONNECT: Duration = Duration::from_secs(1);
/// How long one that answers may take to make a token.
const TOTAL: Duration = Duration::from_secs(5);
/// No answer is longer, in bytes.
const LONGEST: usize = 64 * 1024;
/// The name of Google's service, and the address that it has everywhere.
const GOOGLE: (&str, IpAddr) = ("metadata.google.internal", IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)));

/// Asks one question; `None` when nobody answers 200 there, or the address is none of those that may be
/// asked.
pub async fn get(url: &str, headers: &[(&'static str, &str)]) -> Option<(HeaderMap, Secret<Vec<u8>>)> {
    let url = Url::parse(url).ok().filter(is_near)?;
    http::install_provider();
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .resolve(GOOGLE.0, SocketAddr::new(GOOGLE.1, 0))
        .resolve("localhost", SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .build()
        .ok()?;
    let asked = headers.iter().fold(client.get(url), |asked, (name, value)| asked.header(*name, *value));
    let mut answer = asked.send().await.ok().filter(|answer| answer.status() == 200)?;
    let mut body = Vec::with_capacity(LONGEST);
    while let Some(chunk) = answer.chunk().await.ok()? {
        if body.len() + chunk.len() > LONGEST {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some((answer.headers().clone(), Secret::new(body)))
}

fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        Err(_) => host == GOOGLE.0 || host == "localhost",
    };
    url.scheme() == "http" && url.username().is_empty() && address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_asked() {
        let near = |url: &str| Url::parse(url).is_ok_and(|url| is_near(&url));
        for url in [
            "http://169.254.169.254/metadata",
            "http://metadata.google.internal/x",
            "http://127.0.0.1:8080/msi",
            "http://[::1]:1/",
            "http://localhost/x",
        ] {
            assert!(near(url), "{url}");
        }
        for url in [
            "http://10.0.0.1/",
            "http://example.com/",
            "http://169.254.169.254.nip.io/",
            "http://metadata.google.internal.evil.example/",
            "https://169.254.169.254/",
            "http://u@127.0.0.1/",
            "169.254.169.254",
        ] {
            assert!(!near(url), "{url}");
        }
    }
}
