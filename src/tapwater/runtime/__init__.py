"""What runs beside user code in the sandbox. Standard library only: it is forked everywhere."""
