"""The builder: a tree of conditions that the server draws anew after every press of a button, and the same as YAML."""

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from core.db import transaction
from core.errors import CrusoeError, WrongInput
from core.permissions import Permission
from core.web import acting, is_fragment, needs, page
from segments.definition import Definition
from segments.facts import Operator
from segments.fields import OPERATORS, Known
from segments.models import Segment
from segments.reading import parse, parse_yaml, write_yaml
from segments.service import all_definitions, check, count, get, known_fields, sample, save
from segments.tree import Part, from_data, from_form, pressed, to_data
from segments.views import routes
from segments.wording import FIELDS, STATES


@routes.get("/new")
@needs(Permission.EDIT_SEGMENTS)
def new() -> ResponseReturnValue:
    """An empty builder."""
    root = pressed(Part("all"), "add:0:field")
    return _page(root, head={"code": "", "name": "", "description": ""}, segment=None)


@routes.get("/<code>/edit")
@needs(Permission.EDIT_SEGMENTS)
def edit(code: str) -> ResponseReturnValue:
    """The builder with a stored segment; as YAML when the builder has no fields for what it says."""
    with transaction() as session:
        segment = get(session, code)
    definition = parse(segment.definition)
    root = from_data(segment.definition)
    if root is not None and not root.is_group:
        root = Part("all", members=(root,))
    return _page(root, head=_head(segment), segment=segment, yaml=write_yaml(definition))


@routes.post("/builder")
@needs(Permission.EDIT_SEGMENTS)
def build() -> ResponseReturnValue:
    """The tree after a button, with how many fit. Nothing is stored."""
    root = pressed(from_form(request.form), request.form.get("do", ""))
    return _page(root, head=request.form, segment=None, stored=request.form.get("stored", ""))


@routes.post("/new")
@needs(Permission.EDIT_SEGMENTS)
def create() -> ResponseReturnValue:
    """Store a segment, from the tree or from YAML."""
    form = request.form
    root, yaml = (None, form["yaml"]) if "yaml" in form else (from_form(form), None)
    code = form.get("stored") or form.get("code", "").strip()
    try:
        definition = _written(root, yaml)
        with transaction() as session:
            save(
                session,
                code=code,
                name=form.get("name", ""),
                description=form.get("description", ""),
                definition=definition,
                actor=acting().email,
            )
    except CrusoeError as error:
        stored = form.get("stored", "")
        return _page(root, head=form, segment=None, stored=stored, yaml=yaml, error=error), error.status
    flash(_("The segment is stored."))
    return redirect(url_for("segments.show", code=code))


def _written(root: Part | None, yaml: str | None) -> Definition:
    if root is None:
        return parse_yaml(yaml or "")
    with transaction() as session:
        return parse(to_data(root, known_fields(session)))


def _head(segment: Segment) -> dict[str, str]:
    return {"code": segment.code, "name": segment.name, "description": segment.description}


def _page(
    root: Part | None,
    *,
    head: Mapping[str, str],
    segment: Segment | None,
    stored: str = "",
    yaml: str | None = None,
    error: CrusoeError | None = None,
) -> str:
    with transaction() as session:
        fields, others = known_fields(session), sorted(all_definitions(session))
        drawn = _drawn(session, root, fields, error=error)
    name = "segments/builder_part.html" if is_fragment() else "segments/builder.html"
    return page(
        name,
        root=root,
        head=head,
        stored=stored or (segment.code if segment else ""),
        yaml=drawn.get("yaml", yaml),
        fields=fields,
        operators={field.name: sorted(OPERATORS[field.type], key=list(Operator).index) for field in fields.values()},
        all_operators=list(Operator),
        consent_states=STATES,
        field_labels=FIELDS,
        segments=others,
        size=drawn.get("size"),
        people=drawn.get("people", []),
        error=drawn.get("error", error),
    )


def _drawn(
    session: Session, root: Part | None, fields: Mapping[str, Known], *, error: CrusoeError | None
) -> dict[str, Any]:
    """What the tree says as YAML and, unless something is wrong already, whom it means; or what is wrong with it."""
    drawn: dict[str, Any] = {}
    if root is None:
        return drawn
    try:
        definition = parse(to_data(root, fields))
        check(session, definition=definition)
        drawn["yaml"] = write_yaml(definition)
        if error is None:
            drawn |= {"size": count(session, definition), "people": sample(session, definition)}
    except WrongInput as problem:
        drawn["error"] = error or problem
    return drawn
