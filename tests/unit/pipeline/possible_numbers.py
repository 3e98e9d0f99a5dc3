"""What libphonenumber says about a number."""

import phonenumbers


def library_says(number: str) -> bool:
    """Tell whether a number in E.164 digits is possible."""
    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse("+" + number, None)))
    except phonenumbers.NumberParseException:
        return False
