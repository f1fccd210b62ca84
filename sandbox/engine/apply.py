"""Carries out one step: the provider's call, and what it makes of the resource."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sandbox.engine import paths, values
from sandbox.engine.options import Options
from sandbox.engine.protocol import Difference, Found, Made, Properties, Provider, ProviderError, Secret
from sandbox.engine.registry import Registry
from sandbox.engine.resource import Resource, now
from sandbox.engine.steps import CREATES, DELETES, IMPORTS, READS, Op, Step
from sandbox.engine.targeting import copy


class StepFailed(Exception):
    """`kept`: something was made or changed all the same, and the step's `new` says what."""

    def __init__(self, message: str, *, kept: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.kept = kept


class Applier:
    """Stateless but for what it is given; called from many threads."""

    def __init__(self, options: Options, registry: Registry, deletes: Collection[str], find: Callable[[str], Provider]):
        self._options = options
        self._registry = registry
        self._deletes = deletes
        self._find = find

    def apply(self, step: Step) -> None:
        """Fills in the step's `new`. Raises StepFailed."""
        try:
            self._apply(step)
        except ProviderError as error:
            raise StepFailed(error.message) from error
        except StepFailed:
            raise
        except Exception as error:
            # A provider's own bug must not take the update down with it.
            raise StepFailed(f"{type(error).__name__}: {error}") from error
        finally:
            if step.new is not None and step.op is not Op.REPLACE:
                step.new.change(outputs=_with_secrets(step.new))

    def _apply(self, step: Step) -> None:
        if step.op is Op.SAME:
            self._same(step)
        elif step.op in CREATES:
            self._create(step)
        elif step.op is Op.UPDATE:
            self._update(step)
        elif step.op in DELETES:
            self._delete(step)
        elif step.op in READS:
            self._read(step)
        elif step.op in IMPORTS:
            self._import(step)
        elif step.op is Op.REFRESH:
            self._refresh(step)

    def _same(self, step: Step) -> None:
        old, new = _both(step)
        if step.skipped_create:
            return
        new.change(id=old.id, outputs=old.outputs)
        if new.is_provider and not step.untargeted:
            kept = copy(new)
            kept.change(inputs=old.inputs)
            self._registry.same(kept)
            if old.urn != new.urn:
                self._registry.alias(old, new.urn)

    def _create(self, step: Step) -> None:
        new = step.state
        failure: ProviderError | None = None
        if new.is_provider:
            made = self._registry.create(new.urn, new.type, new.inputs, preview=self._options.preview)
        elif new.custom:
            try:
                made = self._provider(new).create(
                    new.urn,
                    new.type,
                    new.inputs,
                    preview=self._options.preview,
                    timeout=new.timeouts.get("create"),
                )
            except ProviderError as error:
                if error.partial is None:
                    raise
                made, failure = error.partial, error
            if not isinstance(made, Made) or not isinstance(made.id, str) or not (made.id or self._options.preview):
                raise StepFailed("provider did not return an ID from Create")
        else:
            made = Made("", {})
        new.change(id=made.id, created=now(), init_errors=())
        new.change(modified=new.created)
        if step.pending_delete and step.old is not None:
            step.old.change(delete=True)
        try:
            new.change(outputs=values.checked(made.outputs))
        except TypeError as error:
            failure = ProviderError(f"the provider answered nonsense: {error}")
        if failure is not None:
            new.change(init_errors=(failure.message,))
            raise StepFailed(failure.message, kept=True)

    def _update(self, step: Step) -> None:
        old, new = _both(step)
        new.change(id=old.id, created=old.created, modified=old.modified)
        if new.is_provider:
            new.change(outputs=self._registry.update(new, new.inputs), modified=now())
            return
        if not new.custom:
            return
        try:
            outputs = self._provider(new).update(
                new.urn,
                new.type,
                old.id,
                old.inputs,
                old.outputs,
                new.inputs,
                list(step.ignore_changes),
                preview=self._options.preview,
                timeout=new.timeouts.get("update"),
            )
        except ProviderError as error:
            if error.partial is None:
                raise
            # The old inputs stay, so that the next update tries again.
            new.change(outputs=values.checked(error.partial.outputs), inputs=old.inputs, init_errors=(error.message,))
            raise StepFailed(error.message, kept=True) from error
        new.change(outputs=values.checked(outputs), modified=now())

    def _delete(self, step: Step) -> None:
        old = step.old
        assert old is not None
        if old.protect and step.op not in (Op.DELETE_REPLACED, Op.DISCARD_REPLACED):
            raise StepFailed(
                f'resource "{old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either '
                "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`, or use the "
                f"command:\n`pulumi state unprotect '{old.urn}'`"
            )
        elsewhere = old.external or old.retain_on_delete or old.deleted_with in self._deletes
        if not self._options.preview and old.custom and not elsewhere and not old.is_provider:
            self._provider(old).delete(old.urn, old.type, old.id, old.inputs, old.outputs, old.timeouts.get("delete"))
        if step.pending_replacement and not self._options.preview:
            old.change(pending_replacement=True)

    def _read(self, step: Step) -> None:
        new = step.state
        if new.id == values.UNKNOWN_STRING:
            new.change(outputs={})
        else:
            found = self._provider(new).read(new.urn, new.type, new.id, new.inputs, new.inputs)
            if found is None:
                raise StepFailed(f"resource '{new.id}' does not exist")
            new.change(outputs=values.checked(found.outputs), id=_id(found) or new.id)
        old = step.old
        if old is not None:
            if step.op is Op.READ_REPLACEMENT:
                old.change(delete=True)
            unchanged = values.equal(old.inputs, new.inputs) and values.equal(old.outputs, new.outputs)
            new.change(created=old.created, modified=old.modified if unchanged else now())

    def _import(self, step: Step) -> None:
        new = step.state
        found = self._provider(new).read(new.urn, new.type, new.import_id, {}, {})
        if found is None:
            raise StepFailed(f"resource '{new.import_id}' does not exist")
        when = now()
        new.change(
            id=_id(found) or new.import_id,
            inputs=values.checked(found.inputs),
            outputs=values.checked(found.outputs),
            created=when,
            modified=when,
        )
        if step.op is Op.IMPORT_REPLACEMENT and step.old is not None:
            step.old.change(delete=True)

    def _refresh(self, step: Step) -> None:
        old = step.old
        assert old is not None
        step.new, step.result = copy(old), Op.SAME
        if not old.custom or old.is_provider or old.pending_replacement:
            return
        provider = self._provider(old)
        found: Found | None = provider.read(old.urn, old.type, old.id, old.inputs, old.outputs)
        if found is None or not _id(found):
            step.new, step.result = None, Op.DELETE
            return
        values.checked(found.inputs)
        values.checked(found.outputs)
        inputs = values.keep_secrets(found.inputs, old.inputs) if found.inputs else old.inputs
        new = step.new
        new.change(id=found.id, inputs=inputs, outputs=values.keep_secrets(found.outputs, old.outputs), init_errors=())
        difference = _drift(provider, old, new)
        if not values.equal(new.inputs, old.inputs) or not values.equal(new.outputs, old.outputs):
            new.change(modified=now())
        if difference.changes:
            step.result = Op.UPDATE
            step.detailed = difference.detailed
            step.diffs = tuple(dict.fromkeys(str(paths.parse(path)[0]) for path in sorted(difference.detailed)))

    def _provider(self, resource: Resource) -> Provider:
        return self._find(resource.provider)


def _drift(provider: Provider, old: Resource, new: Resource) -> Difference:
    """How far what is there is from what was asked for; of a resource that was only read, from what was read."""
    if old.external:
        return Difference(not values.equal(old.outputs, new.outputs))
    return provider.diff(new.urn, new.type, new.id, new.inputs, new.outputs, old.inputs, list(old.ignore_changes))


def _id(found: Found) -> str:
    if not isinstance(found.id, str):
        raise TypeError(f"the id {found.id!r} is no text")
    return found.id


def _both(step: Step) -> tuple[Resource, Resource]:
    assert step.old is not None
    assert step.new is not None
    return step.old, step.new


def _with_secrets(resource: Resource) -> Properties:
    """Outputs are secret where the program says so, and where the input of the same name is."""
    outputs = dict(resource.outputs)
    for key, value in outputs.items():
        is_secret = key in resource.secret_outputs or isinstance(resource.inputs.get(key), Secret)
        if is_secret and not isinstance(value, Secret):
            outputs[key] = Secret(values.bare(value))
    return outputs
