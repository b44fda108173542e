"""Stand-in for the process helpers that kafka-python's sdist leaves out; the suite only meets an external broker."""


class ExternalService:
    """A broker that somebody else started; there is nothing to start, stop or show."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    def open(self) -> None:
        """Do nothing: the broker already runs."""

    def close(self) -> None:
        """Do nothing: its owner stops it."""

    start = open
    stop = close
    dump_logs = open


class SpawnedService:
    """The suite's own broker process; never used here, so using it is an error."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise RuntimeError("this run uses an external broker: set KAFKA_URI")
