"""The front of AWS: signatures, who asks, which service is meant."""
