"""Projects written for AWS: read, packed and deployed as they are; and the way back, export."""
