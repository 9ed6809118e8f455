"""Parts of `benchmarks/reader.py` that need no `wrk`: questions to large stores, reading while others publish."""
