"""Numbers of SIM cards in machines, which libphonenumber leaves out: it is made for numbers that people call.

National plans have given machines ranges of their own, of up to the 15 digits that ITU-T E.164 (section 6) allows with
the country code. Where the library knows a range (0970 in the Netherlands, those of India, Japan, Korea, Germany and
Austria among others), it is not repeated here. Ranges that are newer than this table are for accounts whose numbers
are checked for their form only.
"""

from typing import Final, NamedTuple


class MachineRange(NamedTuple):
    """National numbers that begin with `prefix` and have `length` digits, both without the country code."""

    calling_code: str
    prefix: str
    length: int
    source: str


_ARCEP: Final = "ARCEP, decisions 2012-0855 and 2018-0881 (mobile numbers of extended length)"
_MIIT: Final = "MIIT, numbering plan for telecommunication networks, 2017"

MACHINE_RANGES: Final = (
    MachineRange(
        "27", "96", 13, "ICASA, Numbering Plan Regulations 2016: machine-related numbers of 14 digits, 0 first"
    ),
    MachineRange("32", "77", 13, "BIPT, royal decree of 27 April 2007 on the numbering space, M2M since 2013"),
    MachineRange("33", "700", 13, _ARCEP),
    MachineRange("262", "700", 12, _ARCEP),
    MachineRange("590", "700", 12, _ARCEP),
    MachineRange("594", "700", 12, _ARCEP),
    MachineRange("596", "700", 12, _ARCEP),
    MachineRange(
        "34", "59", 13, "CNMC, resolution of 30 June 2010 on M2M numbers, code 59; the only one since July 2026"
    ),
    MachineRange("36", "71", 12, "NMHH, national allocation plan of identifiers: M2M, code 71, since 2013"),
    MachineRange("45", "37", 12, "Danish numbering plan: 12 digits for M2M communication, series 37"),
    MachineRange("46", "719", 13, "PTS, Swedish numbering plan for telephony: M2M, code 719"),
    MachineRange("47", "58", 12, "Nkom, Norwegian numbering plan: 12 digits for M2M, series 58"),
    MachineRange("47", "59", 12, "Nkom, Norwegian numbering plan: 12 digits for M2M, series 59"),
    MachineRange("86", "1064", 13, _MIIT + ": machine communication"),
    MachineRange("86", "140", 13, _MIIT + ": Internet of Things"),
    MachineRange("86", "141", 13, _MIIT + ": Internet of Things"),
    MachineRange("86", "144", 13, _MIIT + ": Internet of Things"),
)

_PREFIXES: Final = {
    (calling_code, length): tuple(
        it.prefix for it in MACHINE_RANGES if (it.calling_code, it.length) == (calling_code, length)
    )
    for calling_code, _, length, _ in MACHINE_RANGES
}


def is_machine(calling_code: str, national: str) -> bool:
    """Tell whether what follows a calling code lies in a range for machines."""
    return national.startswith(_PREFIXES.get((calling_code, len(national)), _NONE))


_NONE: Final[tuple[str, ...]] = ()
