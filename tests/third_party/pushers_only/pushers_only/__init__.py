"""Only the members of one group may push."""

from dataclasses import dataclass

from gitgate.plugin import Access, Allow, Deny, GitRequest, Identity, hookimpl


@dataclass(frozen=True)
class Settings:
    """`group` is the one whose members may push."""

    group: str


class PushersOnly:
    """Decides about pushes, and leaves all else to other plugins."""

    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        self._group = settings.group

    @hookimpl
    def authorize(self, identity: Identity, request: GitRequest) -> Allow | Deny | None:
        """Yes or no to a push; no opinion on anything else."""
        if request.access is Access.READ:
            return None
        if self._group in identity.groups:
            return Allow(f"member of {self._group}")
        return Deny(f"not in {self._group}", message="Pushing is for maintainers.")
