"""Who worked when: what tips are shared by."""
