"""The pages for people: what is published, in words, tables and drawings, in Spanish and English.

Belongs here: the choice of the language, words and numbers in it, drawings as SVG, what each page says, its template
and its style. Does not belong here: SQL (a page is one question of `milk.publication.read_page`), computing anything
that is not on the page itself, addresses (`milk_serving.routes.pages`), anything from another host. A page needs no
script: the one there is adds a pointer to the drawings. May import what `milk_serving` may, and Jinja2.
"""
