"""What a refused sign-in raises."""

from typing import ClassVar

from usercore.kernel.errors import Rejected


class SignInRefused(Rejected):
    """No user was signed in. The error is the same for each reason; the stored attempt has the reason."""

    code: ClassVar[str] = "sign_in.refused"
