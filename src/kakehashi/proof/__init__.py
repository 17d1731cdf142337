"""Room proof."""
