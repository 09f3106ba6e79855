"""What a run learns: a codec, a denoiser, a judge."""
