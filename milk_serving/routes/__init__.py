"""The addresses of the reader, one module a subject.

Belongs here: a question, the one or two reads that answer it, a typed answer. Does not belong here: what a parameter or
an answer looks like (`queries`, `responses`), caching (`answers`), turning errors into answers (`problems`).
"""
