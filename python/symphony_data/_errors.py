"""The exceptions. Their messages say what is wrong, where, and how to fix it, as those of the command line do."""


class SymphonyDataError(Exception):
    """Any failure of this package."""


class ConfigError(SymphonyDataError, ValueError):
    """A configuration has problems; the message has a line for each, with file and line, or with the key of a dict."""


class SourceError(SymphonyDataError):
    """The rows of a benchmark could not be read, or one of them could not be scored."""


class RequestError(SymphonyDataError, ValueError):
    """A request that is not valid, or that cannot be met; the message names the parameter."""


class ResponseError(SymphonyDataError, ValueError):
    """Responses that cannot be used; the message names file and line, or the answer that matches no row."""


class MissingDataError(SymphonyDataError, FileNotFoundError):
    """A file, a folder or a preprocessed benchmark that was named does not exist; the message names it."""


class MissingSourceError(SourceError, MissingDataError):
    """The files that a benchmark's rows come from do not exist."""


class SymphonyDataWarning(UserWarning):
    """The result differs from the request, such as fewer tasks than asked, or ratios that were rescaled."""
