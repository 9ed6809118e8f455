"""The domain: from received bytes to forecasts, versions and their publication.

Rooms: `sources` (bytes in, faults named), `panel` (one row a month), `forecasting` (recipe and baselines),
`evaluation` (rolling origin, promotion), `models` (versions as plain JSON), `publication` (SQL), `cli` (the one
composition root). Nothing here loads Dagster or FastAPI, but `cli`, on demand.
"""
