"""What is told of requests, by value."""
