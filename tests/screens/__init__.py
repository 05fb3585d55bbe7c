"""Tests of the screens: pages, scripts, and what a browser makes of them."""
