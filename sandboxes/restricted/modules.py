"""Modules as cells have them: named attributes alone, of modules that were imported before the jail closed.

A facade is no module and has no `__name__`, from which the import system would find the real one.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import calendar
import cmath
import collections
import collections.abc
import csv
import datetime
import decimal
import difflib
import fractions
import hashlib
import heapq
import html
import importlib
import io
import itertools
import json
import math
import numbers
import operator
import re
import statistics
import string
import textwrap
import types
import unicodedata
import urllib.parse
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from restricted.classes import ABSTRACT

PRELOADED = (
    "_strptime", "heapq", "encodings.ascii", "encodings.latin_1", "encodings.iso8859_1", "encodings.iso8859_15", "encodings.utf_8",
    "encodings.utf_8_sig", "encodings.utf_16", "encodings.utf_16_le", "encodings.utf_16_be", "encodings.utf_32", "encodings.utf_32_le",
    "encodings.utf_32_be", "encodings.utf_7", "encodings.cp1252", "encodings.cp1251", "encodings.cp437", "encodings.cp850",
    "encodings.koi8_r", "encodings.mac_roman", "encodings.shift_jis", "encodings.gb18030", "encodings.gbk", "encodings.big5",
    "encodings.euc_jp", "encodings.euc_kr", "encodings.idna", "encodings.punycode", "encodings.unicode_escape",
    "encodings.raw_unicode_escape", "stringprep", "reprlib", "copyreg", "locale", "_pydecimal", "contextvars", "_datetime",
)  # fmt: skip
"""What the standard library imports only when it is first needed: in the jail there is no file to read it from."""


def preload() -> None:
    """Import all of that, once in a process."""
    for name in PRELOADED:
        importlib.import_module(name)
    "a".encode("idna")


class Facade:
    """A module as a cell sees it."""

    def __init__(self, name: str, members: Mapping[str, Any]) -> None:
        vars(self).update(members)
        vars(self)["!"] = name

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("modules cannot be changed here")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("modules cannot be changed here")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"module {vars(self)['!']!r} has no attribute {name!r} here")

    def __repr__(self) -> str:
        return f"<module {vars(self)['!']!r}>"

    def __copy__(self) -> Facade:
        return self

    def __deepcopy__(self, _memo: object) -> Facade:
        return self

    def __reduce_ex__(self, _protocol: object) -> Any:
        raise TypeError("cannot pickle a module")


def members(facade: Facade) -> dict[str, Any]:
    """What a facade holds."""
    return {name: value for name, value in vars(facade).items() if name != "!"}


def _some(module: types.ModuleType, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split()}


def _public(module: types.ModuleType, without: Iterable[str] = ()) -> dict[str, Any]:
    """All public names of a module of native functions and constants."""
    found = {name: getattr(module, name) for name in dir(module) if not name.startswith("_") and name not in without}
    return {name: value for name, value in found.items() if not isinstance(value, types.ModuleType)}


def plain_modules() -> dict[str, dict[str, Any]]:
    """Those whose members are the real ones, the same for every session."""
    return {
        "math": _public(math),
        "cmath": _public(cmath),
        "itertools": _public(itertools),
        "re": _some(
            re,
            "compile match fullmatch search sub subn split findall finditer escape purge error Pattern Match "
            "A ASCII I IGNORECASE L LOCALE M MULTILINE S DOTALL U UNICODE X VERBOSE NOFLAG",
        ),
        "json": _some(json, "loads dumps JSONDecodeError JSONEncoder JSONDecoder") | {"load": _json_load, "dump": _json_dump},
        "collections": _some(collections, "Counter defaultdict OrderedDict deque ChainMap UserDict UserList"),
        "collections.abc": {kind.__name__: kind for kind in ABSTRACT},
        "datetime": _some(datetime, "date datetime time timedelta timezone tzinfo MINYEAR MAXYEAR UTC"),
        "statistics": _some(
            statistics,
            "mean fmean geometric_mean harmonic_mean median median_low median_high median_grouped mode multimode quantiles pstdev "
            "pvariance stdev variance covariance correlation linear_regression NormalDist StatisticsError",
        ),
        "string": _some(
            string,
            "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits punctuation printable whitespace capwords Template",
        ),
        "textwrap": _some(textwrap, "wrap fill shorten dedent indent") | {"TextWrapper": TextWrapper},
        "heapq": _some(heapq, "heappush heappop heapify heappushpop heapreplace nlargest nsmallest merge"),
        "bisect": _some(bisect, "bisect bisect_left bisect_right insort insort_left insort_right"),
        "operator": _public(operator, without=("attrgetter", "methodcaller")),
        "decimal": _some(
            decimal,
            "Decimal Context getcontext setcontext localcontext DecimalException Inexact Rounded Overflow Underflow Clamped Subnormal "
            "DivisionByZero InvalidOperation FloatOperation MAX_PREC MAX_EMAX MIN_EMIN ROUND_CEILING ROUND_DOWN ROUND_FLOOR "
            "ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP ROUND_05UP",
        ),
        "fractions": _some(fractions, "Fraction"),
        "numbers": _some(numbers, "Number Complex Real Rational Integral"),
        **_texts_and_bytes(),
    }


def _texts_and_bytes() -> dict[str, dict[str, Any]]:
    return {
        "hashlib": _some(
            hashlib, "md5 sha1 sha224 sha256 sha384 sha512 sha3_224 sha3_256 sha3_384 sha3_512 shake_128 shake_256 blake2b blake2s"
        )
        | {"new": _new_hash, "algorithms_guaranteed": frozenset(hashlib.algorithms_guaranteed)},
        "base64": _some(
            base64,
            "b64encode b64decode standard_b64encode standard_b64decode urlsafe_b64encode urlsafe_b64decode b32encode b32decode b16encode "
            "b16decode a85encode a85decode b85encode b85decode encodebytes decodebytes",
        ),
        "binascii": _public(binascii),
        "zlib": _public(zlib),
        "csv": _some(
            csv,
            "reader writer DictReader DictWriter QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC Error excel excel_tab "
            "unix_dialect list_dialects",
        ),
        "io": _some(io, "StringIO BytesIO SEEK_SET SEEK_CUR SEEK_END"),
        "unicodedata": _public(unicodedata, without=("ucd_3_2_0", "UCD")),
        "difflib": _some(
            difflib,
            "SequenceMatcher Differ get_close_matches unified_diff context_diff ndiff restore IS_LINE_JUNK IS_CHARACTER_JUNK diff_bytes",
        ),
        "html": _some(html, "escape unescape"),
        "urllib": {},
        "urllib.parse": _some(
            urllib.parse,
            "quote quote_plus unquote unquote_plus quote_from_bytes unquote_to_bytes urlencode parse_qs parse_qsl urlparse urlunparse "
            "urlsplit urlunsplit urljoin urldefrag ParseResult SplitResult",
        ),
        "calendar": _some(
            calendar,
            "monthrange monthcalendar isleap leapdays weekday timegm month calendar month_name month_abbr day_name day_abbr MONDAY TUESDAY "
            "WEDNESDAY THURSDAY FRIDAY SATURDAY SUNDAY",
        ),
    }


class TextWrapper(textwrap.TextWrapper):
    """`textwrap.TextWrapper`, whose table of spaces nobody changes."""

    unicode_whitespace_trans = types.MappingProxyType(textwrap.TextWrapper.unicode_whitespace_trans)  # type: ignore[assignment]


def _json_load(file: Any, **given: Any) -> Any:
    return json.loads(file.read(), **given)


def _json_dump(value: Any, file: Any, **given: Any) -> None:
    for piece in json.JSONEncoder(**given).iterencode(value) if "cls" not in given else [json.dumps(value, **given)]:
        file.write(piece)


def _new_hash(name: str, data: bytes = b"", **_given: Any) -> Any:
    if name not in hashlib.algorithms_guaranteed:
        raise ValueError(f"unsupported hash type {name}")
    return getattr(hashlib, name)(data)


def importer(facades: Mapping[str, Facade], variables: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The import hooks: of a whole module, of a member or a module under a name of its own, and of all members."""

    def module(name: str) -> Facade:
        if name not in facades:
            raise ModuleNotFoundError(f"No module named {name!r} here; there are: {', '.join(sorted(facades))}")
        return facades[name]

    def whole(name: str) -> Facade:
        module(name)
        return facades[name.partition(".")[0]]

    def member(name: str, wanted: str | None = None) -> Any:
        facade = module(name)
        if wanted is None:
            return facade
        if wanted not in members(facade):
            raise ImportError(f"cannot import name {wanted!r} from {name!r} here")
        return members(facade)[wanted]

    def everything(name: str) -> None:
        variables.update({name: value for name, value in members(module(name)).items() if not name.startswith("_")})

    return whole, member, everything
