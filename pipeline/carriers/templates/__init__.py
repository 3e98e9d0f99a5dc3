"""How a carrier's request is written down: structured values with `{name}` in them, each encoded for its place.

There is no text template engine. A template is data (a mapping, a list, a text), a placeholder stands for one value,
and whoever writes the request encodes the value for the place in which it stands: so no value can become syntax.

variables     what may stand between the braces, and what it holds for one message
placeholders  a text with placeholders, and what is left of it once parameters are known
tree          a template of mappings, lists and texts; `$case` and what is left out
json_body     it becomes JSON
pairs         it becomes a query or a form
xml_body      it becomes XML
web_address   it becomes a URL
"""
