"""What this machine has: graphics cards, cores, memory, and child processes on it."""
