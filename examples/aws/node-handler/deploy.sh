#!/bin/sh
# Creates the function with the AWS CLI, publishes version 1 and lets the alias `prod` point at it.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
zip -q "$work/function.zip" index.mjs
aws lambda create-function --function-name node-handler --runtime nodejs20.x \
  --handler index.handler --role arn:aws:iam::000000000000:role/lambda \
  --zip-file "fileb://$work/function.zip" --timeout 10 --publish
aws lambda wait function-active-v2 --function-name node-handler
aws lambda create-alias --function-name node-handler --name prod --function-version 1
rm -r "$work"
