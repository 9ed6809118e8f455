"""What a restoration did, for the person who has to believe it: small tables, drawings, one page of HTML.

Belongs here: turning a `Restoration` into tables, SVG and HTML that need nothing beside themselves. Does not belong
here: restoring anything, files of data, a clock. May import `milk.panel`, `milk.series`, `milk.sources.faults` and
pandas.
"""
