#!/bin/sh
# Creates the function with the AWS CLI.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
zip -q "$work/function.zip" bootstrap function.sh
aws lambda create-function --function-name bash-runtime --runtime provided.al2023 \
  --handler function.handler --role arn:aws:iam::000000000000:role/lambda \
  --zip-file "fileb://$work/function.zip"
aws lambda wait function-active-v2 --function-name bash-runtime
rm -r "$work"
