"""Room D: deploying, and the API through which everything is administered."""
