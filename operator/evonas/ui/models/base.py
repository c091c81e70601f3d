"""The form of all objects of the API."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

DecisionValue = str | int | float | bool


class Model(BaseModel):
    """An object of the API."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid", frozen=True
    )


class Problem(Model):
    """Why a request was not answered as asked: what is wrong, and the cure."""

    message: str
