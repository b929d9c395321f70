"""What cells can import: only what was imported when the guest was built, since it has no files to import from."""

from __future__ import annotations

import importlib
import warnings

PREIMPORTED = ("re", "json", "math", "collections", "itertools", "functools", "datetime", "time", "random")
"""Bound in every session from the start."""

# Those with an underscore, and some more, are what the others import only when they are used.
IMPORTABLE = """
    abc annotationlib argparse array ast asyncio base64 binascii bisect calendar cmath codecs collections collections.abc colorsys
    concurrent.futures configparser contextlib contextvars copy copyreg csv dataclasses datetime decimal difflib dis email email.message
    email.parser enum errno fnmatch fractions functools gc getopt glob graphlib gzip hashlib heapq hmac html html.entities html.parser
    importlib importlib.metadata importlib.resources inspect io ipaddress itertools json keyword linecache locale logging marshal math
    mimetypes numbers opcode operator optparse os os.path pathlib pickle pickletools pkgutil platform plistlib posixpath pprint queue
    quopri random re reprlib sched secrets select selectors shelve shlex shutil signal socket sqlite3 stat statistics string
    string.templatelib stringprep struct subprocess symtable sys sysconfig tarfile tempfile textwrap threading time timeit token tokenize
    tomllib trace traceback tracemalloc types typing unicodedata unittest urllib.error urllib.parse urllib.request uuid warnings weakref
    xml.dom.minidom xml.etree.ElementTree xml.sax zipfile zipimport zlib zoneinfo _strptime
    code codeop getpass http http.client http.cookies runpy unittest.async_case unittest._log xml.dom.expatbuilder xml.dom.pulldom
    xml.sax.expatreader email.generator email.policy concurrent.futures.thread importlib.readers importlib.metadata._adapters
    importlib.resources._adapters _ast_unparse _pylong _threading_local
    encodings.ascii encodings.base64_codec encodings.cp1252 encodings.hex_codec encodings.idna encodings.latin_1 encodings.punycode
    encodings.raw_unicode_escape encodings.rot_13 encodings.unicode_escape encodings.utf_16 encodings.utf_16_be encodings.utf_16_le
    encodings.utf_32 encodings.utf_8_sig encodings.cp437 encodings.iso8859_15
""".split()  # noqa: SIM905 - a column of quoted names says less


def import_all() -> list[str]:
    """Import everything. Returns the names that this build of CPython lacks."""
    missing = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in IMPORTABLE:
            try:
                importlib.import_module(name)
            except ImportError:
                missing.append(name)
    return missing
