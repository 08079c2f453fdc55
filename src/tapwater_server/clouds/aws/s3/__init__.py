"""S3: buckets and objects in AWS's REST-XML protocol, on our own blobs."""
