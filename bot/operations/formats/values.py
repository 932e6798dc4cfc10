"""The forms of settings that are numbers, times, or match a pattern."""

import re
from datetime import timedelta

from pydantic import AfterValidator, BeforeValidator

from bot.operations.times import period

CURRENCIES = (
    r"AED|AFN|ALL|AMD|ANG|AOA|ARS|AUD|AWG|AZN|BAM|BBD|BDT|BGN|BHD|BIF|BMD|BND|BOB|BRL|BSD|BTN|BWP|BYN|BZD|CAD|CDF|CHF"
    r"|CLP|CNY|COP|CRC|CUP|CVE|CZK|DJF|DKK|DOP|DZD|EGP|ERN|ETB|EUR|FJD|FKP|GBP|GEL|GHS|GIP|GMD|GNF|GTQ|GYD|HKD|HNL|HTG"
    r"|HUF|IDR|ILS|INR|IQD|IRR|ISK|JMD|JOD|JPY|KES|KGS|KHR|KMF|KPW|KRW|KWD|KYD|KZT|LAK|LBP|LKR|LRD|LSL|LYD|MAD|MDL|MGA"
    r"|MKD|MMK|MNT|MOP|MRU|MUR|MVR|MWK|MXN|MYR|MZN|NAD|NGN|NIO|NOK|NPR|NZD|OMR|PAB|PEN|PGK|PHP|PKR|PLN|PYG|QAR|RON|RSD"
    r"|RUB|RWF|SAR|SBD|SCR|SDG|SEK|SGD|SHP|SLE|SOS|SRD|SSP|STN|SVC|SYP|SZL|THB|TJS|TMT|TND|TOP|TRY|TTD|TWD|TZS|UAH|UGX"
    r"|USD|UYU|UZS|VES|VND|VUV|WST|XAF|XCD|XCG|XOF|XPF|YER|ZAR|ZMW|ZWG"
)
"""The codes of money that people have: https://www.iso.org/iso-4217-currency-codes.html ."""


def matching(pattern: str, problem: str) -> AfterValidator:
    """Accept what matches the whole pattern; otherwise say the problem."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def numeral(pattern: str, problem: str) -> BeforeValidator:
    """The same for the digits of a number."""

    def check(value: object) -> object:
        if not re.fullmatch(pattern, str(value)):
            raise ValueError(problem)
        return value

    return BeforeValidator(check)


def time_span(value: object) -> object:
    """Read a number of minutes, hours or days; or 0."""
    found = timedelta() if value == "0" else period(str(value))
    if found is None:
        raise ValueError("should be a number of minutes, hours, or days, such as 30m, 24h, or 7d, or 0")
    return found


def whole_days(value: object) -> object:
    """Read a number of days."""
    if not re.fullmatch(r"[0-9]{1,5}", str(value)):
        raise ValueError("should be a number of days, or 0")
    return value
