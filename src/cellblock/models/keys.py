"""From a provider and the environment to one endpoint: its address, and the key that belongs to that host alone."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ..errors import ConfigError
from .auth import BEARER, Auth, AwsAuth
from .endpoint import NO_KEY, Endpoint, origin
from .providers import Api, Place, Provider
from .redact import Secret, one_line

CUSTOM_KEY = "CELLBLOCK_API_KEY"
"""The environment variable whose key is for whatever `base_url` the caller names."""
_DATE = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")
_HOST = re.compile(r"(?:https?://)?[^/]+")
_DEPLOYMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which provider was named, and what for."""

    name: str
    provider: Provider
    api: Api
    model: str


def endpoint_for(choice: Choice, base_url: str | None, api_key: str | None) -> Endpoint:
    """The endpoint of a provider, or the caller's own with that provider's way of showing a key.

    Raises:
        ConfigError: a variable is missing or makes no sense (it is named), or `base_url` is not an address.
    """
    provider = choice.provider
    if base_url is not None and origin(base_url) != _home(provider):
        # Another host, port or scheme: it is not the provider that answers, and a key of the environment stays at home.
        return custom_endpoint(base_url, api_key, auth=provider.auth)
    version = "" if base_url is not None else _set(provider.version_variables)
    address = _address(choice, version) if base_url is None else base_url
    key, auth = _key(choice, api_key)
    headers = tuple((header, os.environ[variable]) for header, variable in provider.header_variables.items() if os.environ.get(variable))
    return Endpoint(provider=choice.name, base_url=address, key=key, auth=auth, headers=headers, api_version=version)


def custom_endpoint(base_url: str, api_key: str | None, *, auth: Auth = BEARER) -> Endpoint:
    """An endpoint of the caller's own, with the key for it.

    Raises:
        ConfigError: `base_url` is not an address, or the key cannot be one.
    """
    found = api_key or os.environ.get(CUSTOM_KEY)
    return Endpoint(provider=origin(base_url)[1], base_url=base_url, key=_secret(found) if found else NO_KEY, auth=auth)


def _home(provider: Provider) -> tuple[str, str, int] | None:
    """The origin that the provider's own key belongs to; None while the environment does not say where that is."""
    host = _HOST.match(provider.base_url)
    try:
        return origin(_filled(host[0] if host else "", provider, "home"))
    except ConfigError:
        return None


def _address(choice: Choice, version: str) -> str:
    template = choice.provider.base_url
    if _DATE.fullmatch(version):
        template = choice.provider.dated_urls[choice.api]
    if "{model}" in template and not _DEPLOYMENT.fullmatch(choice.model):
        raise ConfigError(f"{choice.name}: {one_line(choice.model, limit=80)!r} is no name of a deployment")
    return _filled(template, choice.provider, choice.name).replace("{model}", choice.model)


def _filled(template: str, provider: Provider, name: str) -> str:
    for part, place in provider.places.items():
        if "{" + part + "}" in template:
            template = template.replace("{" + part + "}", _place(name, part, place))
    for start, other in provider.aliases.items():
        if template.startswith(start):
            template = other + template.removeprefix(start)
    return template


def _place(name: str, part: str, place: Place) -> str:
    value = _set(place.variables)
    if not value:
        raise ConfigError(f"{name} needs its {part}: set {' or '.join(place.variables)}, such as {place.example}")
    match = re.fullmatch(place.pattern, value)
    if match is None:
        shown = one_line(re.sub(r"//[^/]*@", "//[…]@", value), limit=80)
        raise ConfigError(f"{name}: {shown!r} in {' or '.join(place.variables)} is no {part}; one looks like {place.example}")
    return match[1]


def _set(variables: tuple[str, ...]) -> str:
    return next((value for value in (os.environ.get(name, "").strip() for name in variables) if value), "")


def _key(choice: Choice, api_key: str | None) -> tuple[Secret, Auth]:
    provider = choice.provider
    found = api_key or _set(provider.key_variables)
    if found:
        return _secret(found), provider.auth
    if choice.api == "bedrock":
        return _aws(choice)
    if provider.key_variables and provider.key_needed:
        raise ConfigError(f"{choice.name} needs a key: set {' or '.join(provider.key_variables)}, or give api_key=")
    return NO_KEY, provider.auth


def _aws(choice: Choice) -> tuple[Secret, Auth]:
    identifier, secret, token = (_set((f"AWS_{name}",)) for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
    if not identifier or not secret:
        # Profiles, files and metadata servers are not asked: which key is used is to be seen where it is used.
        pair = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN too, for a temporary key)"
        raise ConfigError(f"{choice.name} needs a key: set {pair} or AWS_BEARER_TOKEN_BEDROCK, or give api_key=")
    region = _place(choice.name, "region", choice.provider.places["region"])
    session = _secret(token) if token else None
    return _secret(secret), AwsAuth(access_key_id=_secret(identifier), region=region, session_token=session)


def _secret(key: str) -> Secret:
    key = key.strip()
    if not re.fullmatch(r"[!-~]{1,16384}", key):
        raise ConfigError("the key holds characters that no key has, such as spaces or line breaks")
    return Secret(key)
