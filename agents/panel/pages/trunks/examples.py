"""Programs that send a message through a trunk, ready to be pasted: its URL, username and number are filled in.

Each is a template in `templates/trunks/examples`, which nothing escapes: only what this system has made goes into them.
"""

from dataclasses import dataclass
from typing import Final

import jinja2

PATH: Final = "/outbound_messages"
HIDDEN: Final = "YOUR_PASSWORD"
"""What stands in an example while the password is hidden; secrets.js puts the password there when it is shown."""
DESTINATION: Final = "15551234567"
ANY_SOURCE: Final = "YOUR_NUMBER"
LANGUAGES: Final = (
    ("curl", "curl"),
    ("python", "Python"),
    ("node", "Node.js"),
    ("php", "PHP"),
    ("go", "Go"),
    ("java", "Java"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A program in one language; `name` is that of its template."""

    name: str
    language: str
    text: str


def examples(
    templates: jinja2.Environment, url: str, username: str, password: str | None, source: str | None
) -> list[Example]:
    """Return an example for each language. `url` is that of ingress, without a path."""
    filled = {
        "url": url + PATH,
        "username": username,
        "password": password or HIDDEN,
        "source": source or ANY_SOURCE,
        "destination": DESTINATION,
    }
    return [
        Example(name, language, templates.get_template(f"trunks/examples/{name}.txt").render(filled).strip())
        for name, language in LANGUAGES
    ]
