"""What the things in a clip do: they last, keep their size, touch, fall and collide."""
