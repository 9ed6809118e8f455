"""Every failure that the program expects, as one tree of types.

A message says what is wrong, where, and what to do; it is written for the person who reads it on a terminal or in the
Dagster UI. The composition roots turn a `MilkError` into a message without a traceback; anything else is a bug and
keeps its traceback.

    MilkError
      BadInput            a source file that cannot be used as it is
      BadSetting          a setting or option that makes no sense
      HomeRefused         the home cannot be used: another dataset's, not writable
        NotAllowed        the database server or the bucket does not let its user do that
        HomeBusy          another run writes to it at this moment (may be tried again)
        StoreUnavailable  the database server of the store does not answer (may be tried again)
        FilesUnavailable  the bucket does not answer (may be tried again)
      UnreachableMonth    an issue month that the data cannot reach
      NotEnoughHistory    too few months before the first origin asked for
      SourceChanged       the data broke an expectation that a repair rests on
      VersionRefused      a model version that is missing, damaged or not ours
        VersionOutdated   one that an earlier program wrote: train anew
      PromotionRefused    a version that may not reach production
      ForecastRefused     forecast rows that must not be written
      BackupRefused       a backup that is damaged, hostile, or of a newer program
      Undelivered         an alert that its receiver did not take (may be tried again)
      NothingPublished    a store that holds no publication yet
      UnknownMonth        a month of which nothing is published
"""

# ruff: noqa: N818 -- because `BadInput` already says that it is an error, and a suffix would make no name clearer.


class MilkError(Exception):
    """A failure that the program expects and explains."""

    exit_code = 1


class BadInput(MilkError):
    """A source file cannot be used as it is; the message lists each fault with file, row and column."""


class BadSetting(MilkError):
    """A setting or option makes no sense."""

    exit_code = 2


class HomeRefused(MilkError):
    """The home belongs to another dataset, or cannot be written."""

    exit_code = 3


class NotAllowed(HomeRefused):
    """The database server does not let the user of the store do that, or the bucket its user."""


class HomeBusy(HomeRefused):
    """Another run is writing to this home; trying again later may work."""


class StoreUnavailable(HomeRefused):
    """The database server of the store does not answer; trying again later may work."""


class FilesUnavailable(HomeRefused):
    """The bucket in which the files of the home lie does not answer; trying again later may work."""


class UnreachableMonth(MilkError):
    """The data do not hold the price on which a forecast issued for this month must rest."""

    exit_code = 4


class NotEnoughHistory(MilkError):
    """Fewer months than the recipe, its search or its intervals need."""

    exit_code = 4


class SourceChanged(MilkError):
    """The data broke an expectation that a repair rests on."""


class VersionRefused(MilkError):
    """A model version is missing, damaged, or written in a way that this program does not read."""


class VersionOutdated(VersionRefused):
    """An earlier program wrote the version, by a schema that is read no longer; a training replaces it."""


class PromotionRefused(MilkError):
    """A version may not reach production."""


class ForecastRefused(MilkError):
    """Forecast rows break their contract and were not written."""


class BackupRefused(MilkError):
    """A backup is damaged, cut off, hostile, or was written by a newer program."""


class Undelivered(MilkError):
    """The receiver of alerts did not take one; trying again later may work.

    Attributes:
        has_answered: it is there, and refused this message; it may take another.
    """

    def __init__(self, message: str, *, has_answered: bool = False) -> None:
        super().__init__(message)
        self.has_answered = has_answered


class NothingPublished(MilkError):
    """The store holds no publication yet."""


class UnknownMonth(MilkError):
    """Nothing is published of this month."""
