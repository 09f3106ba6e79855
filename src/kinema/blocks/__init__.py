"""What networks are made of. Every block takes tensors and knows nothing of noise or data."""
