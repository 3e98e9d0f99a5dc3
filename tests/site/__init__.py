"""The documentation as a site: `make docs` writes docs/reference anew and builds docs/ into build/site.

pages         the generated pages of docs/reference, by name
http          every operation of both HTTP APIs, from their OpenAPI document
topics        every topic and every record, from the AsyncAPI document and the JSON Schemas
settings      every setting, from the classes that read them
command_line  the `smsout` command, from its own help
json_schema   a schema as rows of a table
table         tables in Markdown
outside       what the site makes of links that lead out of docs/
commands      the shell blocks of a page: which are run, and what they print
"""
