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
