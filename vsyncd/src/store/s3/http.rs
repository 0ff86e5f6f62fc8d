//! The HTTP client below the SDK: one TLS implementation, the system's roots, the environment's
//! proxies.

use std::path::Path;

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::disk::atomic;
use crate::store::StoreError;

/// A file of certificates is at most this large.
const LIMIT: u64 = 4 << 20;

/// Certificate authorities that are trusted besides the system's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust(Option<Vec<u8>>);

impl Trust {
    /// Reads certificates in PEM form. Blocks.
    ///
    /// # Errors
    /// `Failed` when the file cannot be read, or holds something else or nothing.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let bad = |why: String| StoreError::Failed(format!("tls.ca_file {}: {why}", path.display()));
        let pem = atomic::read_limited(path, LIMIT).map_err(|error| bad(error.to_string()))?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
            added.ok_or_else(|| bad("a certificate in it cannot be read".to_owned()))?;
        }
        if roots.is_empty() {
            return Err(bad("no certificate in PEM form is in it".to_owned()));
        }
        Ok(Self(Some(pem)))
    }

    fn context(&self) -> Option<TlsContext> {
        // The SDK reads the system's roots once per process; SSL_CERT_FILE replaces them.
        let mut store = TrustStore::default();
        if let Some(pem) = &self.0 {
            store.add_pem_certificate(pem.clone());
        }
        TlsContext::builder().with_trust_store(store).build().ok()
    }
}

/// The client for an endpoint. Proxies are those of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and
/// NO_PROXY, in either case.
pub(super) fn client(endpoint: &str, trust: &Trust) -> SharedHttpClient {
    let plain = endpoint.starts_with("http://");
    let trust = trust.clone();
    // The builder's own shape has no place for proxies.
    Builder::new().build_with_connector_fn(move |settings, _| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if plain {
            return connector.build_http();
        }
        let mut connector = connector.tls_provider(Provider::Rustls(CryptoMode::Ring));
        if let Some(context) = trust.context() {
            connector.set_tls_context(context);
        }
        connector.build()
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;

    use rustls::pki_types::PrivateKeyDer;
    use vsync_core::secret::Secret;

    use super::*;
    use crate::store::Store as _;
    use crate::store::s3::{S3Pool, S3Settings, Timeouts};

    /// Whoever connects is told over TLS that there is no such object. Ends with the test.
    fn serve(listener: TcpListener) {
        let certificate =
            CertificateDer::pem_slice_iter(include_bytes!("../../../../tests/fixtures/tls/server.pem"));
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../../tests/fixtures/tls/server.key"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificate.map(Result::unwrap).collect(), key.unwrap())
            .unwrap();
        let config = Arc::new(config);
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
            let mut asked = [0; 4096];
            // A client that does not trust this leaves in the middle.
            if tls.read(&mut asked).is_ok_and(|len| len > 0) {
                let _ = tls
                    .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = tls.flush();
            }
        }
    }

    #[tokio::test]
    async fn an_authority_of_ones_own_is_trusted_where_it_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = S3Settings {
            endpoint: format!("https://{}", listener.local_addr().unwrap()),
            region: "auto".to_owned(),
            bucket: "b".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            timeouts: Timeouts::default(),
        };
        std::thread::spawn(move || serve(listener));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        atomic::write(&file, include_bytes!("../../../../tests/fixtures/tls/ca.pem"), 0o600).unwrap();
        let pool = S3Pool::new(folder.path().join("stores.json"), None);
        let stranger = pool.open(settings.clone()).unwrap();
        let refused = stranger.head("x").await;
        assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{refused:?}");
        assert_eq!(pool.trust(Some(&file)), Ok(true));
        assert_eq!(pool.open(settings).unwrap().head("x").await, Ok(None));
        assert_eq!(pool.trust(Some(&file)), Ok(false), "nothing is new");
        let mut longer = include_bytes!("../../../../tests/fixtures/tls/ca.pem").to_vec();
        longer.extend_from_within(..);
        atomic::write(&file, &longer, 0o600).unwrap();
        assert_eq!(pool.trust(Some(&file)), Ok(true), "the same file with other content");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test lays out files as a person would")]
    fn what_is_no_certificate_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("empty.pem", ""),
            ("text.pem", "hello"),
            ("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let error = Trust::read(&path).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("certificate"), "{error}");
        }
        assert!(Trust::read(&folder.path().join("none.pem")).is_err());
    }
}
