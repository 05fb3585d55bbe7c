"""Customer credit: prepaid money that never goes below zero."""
