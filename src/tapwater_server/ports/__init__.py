"""What the house needs from the world, as promises. One file per need."""
