//! The bucket behind the S3 protocol.

use std::sync::Arc;

use bytes::Bytes;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

use super::bucket::{Bucket, Conditions, RawObject, Refusal};
use super::{BUCKET, access};

/// Larger uploads are refused.
const MAX_BODY: usize = 512 * 1024 * 1024;
/// S3's own page length.
const PAGE: usize = 1000;

/// The protocol, signatures and rights included.
pub(super) fn protocol(bucket: Arc<Bucket>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Api { bucket: Arc::clone(&bucket) });
    builder.set_auth(access::Keys(bucket));
    builder.set_access(access::Policy);
    builder.build()
}

struct Api {
    bucket: Arc<Bucket>,
}

impl Api {
    fn bucket(&self, name: &str) -> S3Result<&Bucket> {
        if name != BUCKET || self.bucket.is_hidden() {
            return Err(s3_error!(NoSuchBucket));
        }
        Ok(&self.bucket)
    }

    fn object(&self, bucket: &str, key: &str) -> S3Result<RawObject> {
        let missing = || {
            if self.bucket.is_unlisted() {
                s3_error!(AccessDenied, "no right to know")
            } else {
                s3_error!(NoSuchKey)
            }
        };
        self.bucket(bucket)?.get(key).ok_or_else(missing)
    }
}

fn length(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn tag(condition: ETagCondition) -> String {
    match condition {
        ETagCondition::Any => "*".to_owned(),
        ETagCondition::ETag(etag) => etag.into_value(),
    }
}

/// The whole upload. Fails when its bytes are not the ones that were signed.
async fn collect(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(blob) = body else { return Ok(Bytes::new()) };
    Body::from(blob)
        .store_all_limited(MAX_BODY)
        .await
        .map_err(|_| s3_error!(BadDigest, "the body is cut, too large, or not what was signed"))
}

#[async_trait::async_trait]
impl S3 for Api {
    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let object = self.object(&req.input.bucket, &req.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(length(object.body.len())),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            metadata: Some(object.metadata.into_iter().collect()),
            ..Default::default()
        }))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let object = self.object(&req.input.bucket, &req.input.key)?;
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(length(object.body.len())),
            body: Some(Body::from(object.body).into()),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            metadata: Some(object.metadata.into_iter().collect()),
            ..Default::default()
        }))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let quoted = req.headers.get("if-match").is_some_and(|etag| etag.as_bytes().starts_with(b"\""));
        let input = req.input;
        let bucket = self.bucket(&input.bucket)?;
        let body = collect(input.body).await?;
        let conditions =
            Conditions { matches: input.if_match.map(tag), none_match: input.if_none_match.map(tag) };
        if !bucket.knows_conditions() && (conditions.matches.is_some() || conditions.none_match.is_some()) {
            return Err(s3_error!(NotImplemented, "a header that is not implemented"));
        }
        if quoted {
            return Err(s3_error!(PreconditionFailed, "a quoted entity tag matches nothing, as on Ceph"));
        }
        let metadata = input.metadata.unwrap_or_default().into_iter().collect();
        match bucket.put(&input.key, body, metadata, &conditions) {
            Ok(etag) => {
                Ok(S3Response::new(PutObjectOutput { e_tag: Some(ETag::Strong(etag)), ..Default::default() }))
            }
            Err(Refusal::Absent) => Err(s3_error!(NoSuchKey)),
            Err(Refusal::Failed) => Err(s3_error!(PreconditionFailed)),
        }
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.bucket(&req.input.bucket)?.remove(&req.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let bucket = self.bucket(&input.bucket)?;
        if bucket.is_unlisted() {
            return Err(s3_error!(AccessDenied, "not with this key"));
        }
        if input.delimiter.is_some() {
            return Err(s3_error!(NotImplemented, "listing with a delimiter"));
        }
        let after = input.continuation_token.clone().or(input.start_after).unwrap_or_default();
        let limit = input.max_keys.and_then(|n| usize::try_from(n).ok()).unwrap_or(PAGE).min(PAGE);
        let (page, more) = bucket.list(input.prefix.as_deref().unwrap_or_default(), &after, limit);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            key_count: i32::try_from(page.len()).ok(),
            max_keys: i32::try_from(limit).ok(),
            is_truncated: Some(more),
            continuation_token: input.continuation_token,
            next_continuation_token: page.last().filter(|_| more).map(|(key, _)| key.clone()),
            contents: Some(
                page.into_iter()
                    .map(|(key, size)| Object {
                        key: Some(key),
                        size: Some(length(size)),
                        ..Default::default()
                    })
                    .collect(),
            ),
            ..Default::default()
        }))
    }
}
