# What a cell finds besides Python: facades of the context, the helpers that rewritten cells call, and the way out of values.
# Runs inside the guest, as a subset of Python. Externals cannot be called from __getitem__, __len__ and the like here, so
# `P[a:b]`, `len(P)` and `x in P` arrive as calls of the helpers below, which ask whether the name still holds the facade.
class _cb_Context:
    def len_chars(self, *a, **k):
        return ctx__len_chars(*a, **k)

    def num_documents(self, *a, **k):
        return ctx__num_documents(*a, **k)

    def get_document(self, *a, **k):
        return ctx__get_document(*a, **k)

    def document_lengths(self, *a, **k):
        return ctx__document_lengths(*a, **k)

    def slice(self, *a, **k):
        return ctx__slice(*a, **k)

    def find(self, *a, **k):
        return ctx__find(*a, **k)

    def chunk(self, *a, **k):
        return ctx__chunk(*a, **k)

    def chunk_documents(self, *a, **k):
        return ctx__chunk_documents(*a, **k)

    def page(self, *a, **k):
        return ctx__page(*a, **k)

    def lines(self, *a, **k):
        return ctx__lines(*a, **k)

    def search(self, *a, **k):
        return ctx__search(*a, **k)

    def metadata(self, *a, **k):
        return ctx__metadata(*a, **k)


class _cb_Text:
    def find(self, *a, **k):
        return P__find(*a, **k)

    def rfind(self, *a, **k):
        return P__rfind(*a, **k)

    def index(self, *a, **k):
        return P__index(*a, **k)

    def rindex(self, *a, **k):
        return P__rindex(*a, **k)

    def count(self, *a, **k):
        return P__count(*a, **k)

    def startswith(self, *a, **k):
        return P__startswith(*a, **k)

    def endswith(self, *a, **k):
        return P__endswith(*a, **k)


ctx = _cb_Context()
_cb_text = _cb_Text()
P = _cb_text
context = _cb_text
CONTEXT = _cb_text


def _cb_len_of(length, value):
    return P__len() if value is _cb_text and length is len else length(value)


def _cb_in(item, value):
    return P__contains(item) if value is _cb_text else item in value


def _cb_real(value):
    return P__text() if value is _cb_text else value


def _cb_item(value, key):
    return P__item(key) if value is _cb_text else value[key]


def _cb_cut(value, start=None, stop=None, step=None):
    return P__slice(start, stop, step) if value is _cb_text else value[start:stop:step]


def peek(*a, **k):
    return _cb_near_peek(*a, **k)


def tail(*a, **k):
    return _cb_near_tail(*a, **k)


def lenP(*a, **k):
    return _cb_near_lenP(*a, **k)


def extract_after(*a, **k):
    return _cb_near_extract_after(*a, **k)


def SHOW_VARS():
    lines = []
    for name in _cb_names():
        try:
            value = eval(name)
        except NameError:
            continue
        kind = type(value).__name__
        if isinstance(value, (str, bytes, list, tuple, dict, set, frozenset)):
            kind += " of " + str(len(value))
        lines.append(name + ": " + kind)
    return "\n".join(lines)


def _cb_plain(value, depth=0):
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if depth > 40:
        raise ValueError("nested too deep to cross; flatten it")
    if isinstance(value, (list, tuple)):
        return [_cb_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError("a dict whose keys are not all str cannot cross; use {str(k): v for k, v in d.items()}")
        return {key: _cb_plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        raise TypeError("a set cannot cross; use sorted(...) or list(...)")
    raise TypeError("a " + type(value).__name__ + " cannot cross; only None, bool, int, float, str, bytes, list and dict cross")


def _cb_preview(value, depth=0):
    if isinstance(value, str):
        return repr(value) if len(value) <= 2000 else repr(value[:1000]) + "...(" + str(len(value)) + " characters)..." + repr(value[-500:])
    if isinstance(value, bytes):
        return repr(value) if len(value) <= 2000 else repr(value[:1000]) + "...(" + str(len(value)) + " bytes)"
    if isinstance(value, int) and not isinstance(value, bool) and (value > 10**4000 or value < -(10**4000)):
        return "<int of more than 4000 digits>"
    if isinstance(value, (list, tuple, set, frozenset, dict)) and depth >= 4:
        return "..."
    if type(value) is list:
        return "[" + _cb_items(value, depth) + "]"
    if type(value) is tuple:
        return "(" + _cb_items(value, depth) + (",)" if len(value) == 1 else ")")
    if type(value) is dict:
        shown = [_cb_preview(key, depth + 1) + ": " + _cb_preview(value[key], depth + 1) for key in list(value)[:40]]
        return "{" + ", ".join(shown) + (", ...(" + str(len(value)) + " keys)" if len(value) > 40 else "") + "}"
    if type(value) is set:
        return "{" + _cb_items(value, depth) + "}" if value else "set()"
    text = repr(value)
    return text if len(text) <= 2000 else text[:2000] + "..."


def _cb_items(value, depth):
    shown = []
    for item in value:
        if len(shown) == 40:
            shown.append("...(" + str(len(value)) + " items)")
            break
        shown.append(_cb_preview(item, depth + 1))
    return ", ".join(shown)


def _cb_show(value):
    if value is None:
        return ""
    text = _cb_preview(value)
    return text if len(text) <= 4000 else text[:4000] + "...(clipped)"


def FINAL(value):
    _cb_far_FINAL(_cb_plain(value))


def FINAL_VAR(name):
    _cb_far_FINAL_VAR(_cb_plain(name))


def _cb_seed(seed):
    import random

    random.seed(seed)
