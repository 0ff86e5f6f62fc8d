# shellcheck shell=bash
# The suites that run against any S3 server, here the one at `endpoint`. After ground.sh.

# external_s3 BUCKET WRITER_ID WRITER_SECRET READER_ID READER_SECRET
external_s3() {
    export VSYNC_TEST_S3_ENDPOINT=$endpoint VSYNC_TEST_S3_BUCKET=$1 VSYNC_TEST_S3_REGION=us-east-1
    export VSYNC_TEST_S3_ACCESS_KEY_ID=$2 VSYNC_TEST_S3_SECRET_ACCESS_KEY=$3
    export VSYNC_TEST_S3_RO_ACCESS_KEY_ID=$4 VSYNC_TEST_S3_RO_SECRET_ACCESS_KEY=$5
    ignored external_s3
    if has_ignored external_race; then
        ignored external_race
    fi
}

need_external_s3() {
    build
    has_ignored external_s3 || not_run 'there are no tests called external_s3'
}
