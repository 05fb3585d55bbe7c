"""The third party's own tests run in a process of their own, where its package is installed."""

collect_ignore = ["third_party"]
