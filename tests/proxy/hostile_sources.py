"""Sources that are slow, deep or odd. Run as a script with a name, it rewrites that one and prints the outcome and the seconds."""

from __future__ import annotations

import random
import sys
import time

SIZE = 125_000
DEEP_COMPREHENSIONS = "[" * 80 + "1" + " for x in y]" * 80


def many(piece: str) -> str:
    """As much of it as is read."""
    return piece * (SIZE // len(piece))


def noise(letters: str) -> str:
    """Random text, the same each time."""
    return "".join(random.Random(7).choices(letters, k=20_000))


SOURCES: dict[str, str] = {
    "comprehensions that crash the compiler": DEEP_COMPREHENSIONS,
    "comprehensions over the text": "[" * 80 + "len(P)" + " for x in P]" * 80,
    "open parentheses": many("("),
    "nested parentheses": "(" * 199 + "len(P)" + ")" * 199,
    "nested calls of len": "len(" * 190 + "P" + ")" * 190,
    "nested brackets of the text": "P[" * 190 + "0" + "]" * 190,
    "open braces": many("{1:"),
    "signs": many("-") + "P",
    "nots": many("not ") + "P",
    "a sum": "P" + many("+P"),
    "a sum that is read": "x = P" + "+P" * 800,
    "attributes": "P" + many(".P"),
    "calls": "P" + many("()"),
    "subscripts": "P" + many("[0]"),
    "comparisons": "P" + many("<P"),
    "memberships": many("x = 'a' in P\n"),
    "lengths": many("len(P);"),
    "as many lengths as may be": "len(P);" * 2_000,
    "as many members as may be": "ctx.find(0);" * 2_000,
    "as many texts as may be": "x = P" + ",P" * 1_999,
    "as many slices in an f-string": "x = f'" + "{P[:len(P)]}" * 1_000 + "'",
    "as many fields that show themselves": "x = f'" + "{len(P)=}" * 2_000 + "'",
    "a sum of lines": "\n".join(["def f():", *["    x = len(P)"] * 1_999, "    return P + x"]),
    "slices": many("P[1:2];"),
    "calls of members": many("ctx.find(P[0]);"),
    "members that are not there": many("ctx.nope;"),
    "bindings": many("P=x;"),
    "one tuple": many("P,"),
    "one list of numbers": "[" + many("1,") + "]",
    "arguments": "f(" + ",".join(f"a{i}=P" for i in range(9_000)) + ")",
    "parameters": "def f(" + ",".join(f"a{i}=P" for i in range(9_000)) + "): pass",
    "conditions": "if P: pass\n" + many("elif P: pass\n"),
    "handlers": "try: pass\n" + "except P as P: pass\n" * 1_900,
    "lambdas": many("lambda P=P: ") + "P",
    "functions in functions": "".join(" " * i + "def f(P=P):\n" for i in range(95)) + " " * 95 + "len(P)",
    "too deep an indent": "".join(" " * i + "if P:\n" for i in range(150)) + " " * 150 + "P",
    "statements": many("x=1\n"),
    "empty lines": many("\n") + "len(P)",
    "continued lines": many("\\\n") + "P",
    "f-strings": many("f'{len(P)=}';"),
    "f-strings in place": many("f'{len(P)}';"),
    "one f-string": "x = f'" + many("{len(P)}") + "'",
    "one f-string that shows itself": "x = f'" + many("{len(P)=}") + "'",
    "open fields": "f'" + "{" * 100_000,
    "a long string": "x = '''" + many("P in ctx\n") + "'''",
    "a long integer": "x = " + many("9"),
    "a long float": "x = " + many("9") + ".0",
    "a long name": "ctx." + many("a"),
    "a long near miss": "ctx." + many("fin"),
    "combining marks in a name": "a" + "\u0301\u0316" * 30_000,
    "combining marks in a string": "x = 'a" + "\u0301\u0316" * 30_000 + "'",
    "look-alike letters": "ｃtx;" * 20_000,
    "ligatures": "ﬁ;" * 30_000,
    "decorators": many("@P\n") + "def f(): pass",
    "targets": many("P=") + "1",
    "global names": "def f():\n global " + ",".join(f"a{i}" for i in range(15_000)) + "\n P = 1",
    "case patterns": "match P:\n" + many(" case [P, *ctx]: pass\n"),
    "nested patterns": "match P:\n case " + "[" * 90 + "P" + "]" * 90 + ": pass",
    "too much": "x = 1\n" * 100_000,
    "only a carriage return": "\r" * 1000 + "P",
    "a byte order mark": "\ufeff" * 3 + "x = 1",
    "a NUL": "x = '\0'",
    "a lone surrogate": "x = '\udc80'",
    "a cookie": "# coding: rot13\nlen(P)",
    "a cookie that is not there": "# coding: nope\nlen(P)",
    "an end of file": "x = 1\x1a",
    "a named escape": "x = '\\N{DASH}', len(P)",
    "an unknown escape": "x = '\\d', len(P)",
    "control characters": "x\x0b=\x0c1\x1c",
    "noise": noise("ctxP.()[]{}:=,'\"# \n\\f"),
    "quiet noise": noise("P [](),\n"),
    "keywords": noise("PPP  ") + " ".join(["lambda", "async", "await", "yield", "match", "case", "type"] * 500),
}


def main() -> None:
    """Rewrite one source."""
    from proxy import CellRefused, SessionNames, rewrite

    for session in (SessionNames(), SessionNames(unsure=frozenset({"P", "ctx"}))):
        started = time.process_time()
        try:
            outcome = f"{len(rewrite(SOURCES[sys.argv[1]], session).code)} characters"
        except CellRefused as refused:
            assert refused.message.isprintable() and len(refused.message) <= 300
            outcome = f"{refused.kind}: {refused.message}"
        print(f"{time.process_time() - started:.3f} {outcome}")


if __name__ == "__main__":
    sys.path[:0] = sys.argv[2:]
    main()
