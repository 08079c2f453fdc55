"""Codes and the letters that bring them: written here, kept by whoever changes the user."""

from collections.abc import Mapping
from dataclasses import dataclass

from tapwater_server.model.accounts import AccountSettings
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Letter
from tapwater_server.model.user import Code, Purpose, User
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.mail import Post
from tapwater_server.services.auth.identities import hash_of
from tapwater_server.services.auth.letters import write

_CODE_S: Mapping[Purpose, float] = {
    Purpose.CONFIRM: 86_400.0,
    Purpose.RESET: 3_600.0,
    Purpose.CHANGE_EMAIL: 3_600.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A code and its letter. On disk they are there together, or not at all."""

    code: Code
    letter: Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes letters to users. ``auth_url``: where our pages are; "": nobody can tell."""

    post: Post
    clock: Clock
    ids: IdSource

    def code(
        self, user: User, purpose: Purpose, *, auth_url: str, settings: AccountSettings
    ) -> Sent:
        """Make a code for the user's address, and the letter with it.

        Raises:
            Invalid: the app's server for mail has an address that cannot be read.
        """
        text = self.ids.secret()
        code = Code(
            app=user.app,
            hash=hash_of(text),
            user=user.id,
            purpose=purpose,
            email=user.email,
            expires_at=self.clock.now() + _CODE_S[purpose],
        )
        letter = self._letter(
            purpose.value, user.app, user.email, text, auth_url=auth_url, settings=settings
        )
        return Sent(code=code, letter=letter)

    def exists(self, user: User, *, auth_url: str, settings: AccountSettings) -> Letter:
        """Tell the owner of an address that somebody tried to sign up with it."""
        return self._letter(
            "exists", user.app, user.email, "", auth_url=auth_url, settings=settings
        )

    def _letter(
        self,
        kind: str,
        app: AppId,
        email: str,
        code: str,
        *,
        auth_url: str,
        settings: AccountSettings,
    ) -> Letter:
        draft = write(kind, app=app, email=email, code=code, auth_url=auth_url, settings=settings)
        return self.post.write(app, draft)
