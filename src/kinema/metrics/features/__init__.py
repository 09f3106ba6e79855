"""Scores through features and filters: FVD, LPIPS, CLIP, PSNR, SSIM."""
