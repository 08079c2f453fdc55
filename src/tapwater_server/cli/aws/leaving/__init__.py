"""The way back: an app of ours as a SAM project that runs on AWS Lambda."""
