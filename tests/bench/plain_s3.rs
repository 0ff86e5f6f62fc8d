//! The least that it takes to speak to an S3 server: one signed request over a plain socket.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use ring::{digest, hmac};

/// Where a server is, and the key for it.
#[derive(Debug, Clone)]
pub(crate) struct PlainS3 {
    /// Host and port.
    pub(crate) host: String,
    pub(crate) bucket: String,
    pub(crate) region: String,
    /// Access key and secret.
    pub(crate) key: (String, String),
}

impl PlainS3 {
    pub(crate) fn put(&self, key: &str, body: &[u8]) {
        self.request("PUT", key, body);
    }

    pub(crate) fn get(&self, key: &str) -> Vec<u8> {
        self.request("GET", key, &[])
    }

    fn request(&self, method: &str, key: &str, body: &[u8]) -> Vec<u8> {
        let path = format!("/{}/{}", self.bucket, key.replace('=', "%3D"));
        let head = self.head(method, &path, body);
        let mut stream = TcpStream::connect(&self.host).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("the server listens");
        let mut answer = BufReader::with_capacity(1 << 16, stream);
        let (mut line, mut length) = (String::new(), 0);
        answer.read_line(&mut line).expect("an answer");
        assert!(line.contains(" 200 "), "{method} {path}: {line}");
        while line.trim() != "" {
            line.clear();
            answer.read_line(&mut line).expect("a header");
            let lower = line.to_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut content = vec![0; length];
        answer.read_exact(&mut content).expect("the whole body");
        content
    }

    /// Request line and headers, signed as version 4 has it.
    fn head(&self, method: &str, path: &str, body: &[u8]) -> String {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let (day, hash) = (&time[..8], sha256(body));
        let names = "host;x-amz-content-sha256;x-amz-date";
        let headers = format!("host:{}\nx-amz-content-sha256:{hash}\nx-amz-date:{time}\n", self.host);
        let canonical = format!("{method}\n{path}\n\n{headers}\n{names}\n{hash}");
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let start = format!("AWS4{}", self.key.1).into_bytes();
        let parts = [day, &self.region, "s3", "aws4_request", &to_sign];
        let signature = parts.iter().fold(start, |key, part| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
        });
        let signature = hex(&signature);
        format!(
            "{method} {path} HTTP/1.1\r\n{}content-length:{}\r\nconnection:close\r\nauthorization:AWS4-HMAC-SHA256 \
             Credential={}/{scope}, SignedHeaders={names}, Signature={signature}\r\n\r\n",
            headers.replace('\n', "\r\n"),
            body.len(),
            self.key.0,
        )
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text takes text");
        text
    })
}
