"""What can go wrong, as exceptions. Their messages are those of the command line: what, where, and the way out."""


class SymphonyDataError(Exception):
    """Any failure of this package."""


class ConfigError(SymphonyDataError, ValueError):
    """A configuration has problems; the message has a line for each, with file and line."""


class SourceError(SymphonyDataError):
    """The rows of a benchmark could not be had, or one of them could not be scored."""


class RequestError(SymphonyDataError, ValueError):
    """What was asked makes no sense, or cannot be met."""


class ResponseError(SymphonyDataError, ValueError):
    """Responses cannot be used; the message names file and line, or what could not be mapped to a row."""


class MissingDataError(SymphonyDataError, FileNotFoundError):
    """A file, a folder or a preprocessed benchmark that was named is not there; the message names it."""


class MissingSourceError(SourceError, MissingDataError):
    """The files that a benchmark's rows come from are not there."""


class SymphonyDataWarning(UserWarning):
    """Something was done otherwise than asked: fewer tasks than there should be, ratios that were rescaled."""
