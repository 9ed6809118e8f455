"""Folders of bytes: on the disk of this machine, or in a bucket that several machines share.

Belongs here: reading, writing whole or not at all, and what a bucket may do wrong, in words. Does not belong here: what
the bytes mean, where they lie within a home, locks. May import `milk.errors`; the kinds know nothing of each other, and
only `bucket` loads the library of buckets.
"""
