"""The environment's names sorted into families, each checked by its model; every problem is one line that says what to do."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.variables import PREFIX, BotVariables

Model = TypeVar("Model", bound=BaseModel)


class Families(msgspec.Struct):
    single: dict[str, str] = {}
    wallet: dict[str, dict[str, str]] = {}
    relay: dict[str, dict[str, str]] = {}
    exchange: dict[str, dict[str, str]] = {}
    limit: dict[str, dict[str, str]] = {}


def split(environment: Mapping[str, str], problems: list[str]) -> Families:
    families = Families()
    groups = {
        "WALLET_": families.wallet,
        "RELAY_": families.relay,
        "EXCHANGE_": families.exchange,
        "LIMIT_": families.limit,
    }
    for name, value in sorted(environment.items()):
        rest = name.removeprefix(PREFIX)
        family = next((prefix for prefix in groups if rest.startswith(prefix)), None)
        if family is None or rest.lower() in BotVariables.model_fields:  # BOT_RELAY_TIMEOUT is of no relay
            families.single[rest.lower()] = value
            continue
        member, separator, field = rest.removeprefix(family).partition("__")
        if not separator or not member or not field:
            problems.append(f"{name}: unknown name; expected {PREFIX}{family}<NAME>__<FIELD>")
            continue
        groups[family].setdefault(member.lower(), {})[field.lower()] = value
    return families


def validate(model: type[Model], values: Mapping[str, str], prefix: str, problems: list[str]) -> Model | None:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems += [_one_line(model, problem, values, prefix) for problem in error.errors()]
        return None


def _one_line(model: type[BaseModel], problem: ErrorDetails, values: Mapping[str, str], prefix: str) -> str:
    kind, field = problem["type"], str(problem["loc"][0])
    name = prefix + field.upper()
    if kind == "missing":
        return f"{name} is not set: {model.model_fields[field].description}"
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(field, model.model_fields, n=1)
        hint = (
            f"; did you mean {prefix}{close[0].upper()}?"
            if close
            else "; see .env.example for the names there are"
        )
        return f"{name}: unknown name{hint}"
    said = problem["msg"].removeprefix("Value error, ")
    value = values.get(field, "")
    shown = _masked(value) if field.endswith("url") else repr(value)
    return f"{name}={shown}: {said}"


def _masked(url: str) -> str:
    """Quoted; of one with user, query or fragment, which may hold a key, the scheme alone."""
    scheme, separator, _ = url.partition("://")
    return repr(f"{scheme}{separator}…" if separator else "…") if set(url) & set("@?#") else repr(url)


def strangers(family: str, given: Iterable[str], known: Iterable[str], listed_in: str) -> list[str]:
    names = set(known)
    return [
        f"BOT_{family}_{name.upper()}__…: {name!r} is not listed in {listed_in}; add it there or remove the variable"
        for name in given
        if name not in names
    ]
