"""API Gateway: REST APIs and HTTP APIs, their control API and what answers at their addresses."""
