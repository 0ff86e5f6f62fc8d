"""Makes a writer and a reader on a moto server, switches its checks on, prints both keys: moto_users.py ENDPOINT"""

import json
import sys
import urllib.request

import boto3

endpoint = sys.argv[1]


def control(what, body=b""):
    request = urllib.request.Request(f"{endpoint}/moto-api/{what}", data=body, method="POST")
    request.add_header("Content-Type", "text/plain")
    urllib.request.urlopen(request).close()


def user(iam, name, actions):
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


control("reset")
anybody = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
iam = boto3.client("iam", endpoint_url=endpoint, **anybody)
writer = user(iam, "writer", ["*"])
reader = user(iam, "reader", ["s3:GetObject", "s3:ListBucket"])
control("reset-auth", b"0")
print(*writer, *reader)
