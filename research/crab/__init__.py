"""A small Crab with a mask decoder, taught and judged on drawn stages."""
