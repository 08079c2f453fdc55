"""Books, over HTTP and over WebSocket."""
