"""A small file system of the test's own, in a mount namespace that nothing else sees and that goes with the test.

The rule of the file: what this machine does not allow is a failure with the sentence that says what is needed, never a skip.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import struct
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE_S = 20
SHUT_DOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN (FS_IOC_SHUTDOWN): from then on the file system takes no write, as after errors=remount-ro."""
WITHOUT_FLUSH = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: what was not synced is lost as well, as in a power cut."""
NEEDED = (
    "These tests mount their own {kind} in a private mount namespace, and this machine refuses: {reason}\n"
    "{kind} needs {privilege}; in a container: --privileged. To leave these tests out: "
    "make test ARGS='--ignore=tests/faults'"
)
PRIVILEGES = {
    "tmpfs": "root or unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1)",
    "ext4": "root, loop devices and mkfs.ext4 (Debian: e2fsprogs)",
}


class PrivateDisk:
    """A tmpfs, or an ext4 on a loop device, of `size_mb`; mounted at `mount_point` as the broker sees it.

    `inside` is the same directory for the test; `command` puts a program in.
    """

    def __init__(self, mount_point: Path, kind: str, size_mb: int) -> None:
        self.mount_point = mount_point
        self.kind = kind
        self.size_mb = size_mb
        self.image = mount_point.with_suffix(".img")
        self._holder: subprocess.Popen[str] | None = None

    @property
    def inside(self) -> Path:
        """The mounted directory, reached from outside the namespace."""
        return Path(f"/proc/{self._pid}/root{self.mount_point}")

    @property
    def _pid(self) -> int:
        assert self._holder is not None, "use it in a `with`"
        return self._holder.pid

    def command(self, *words: str) -> list[str]:
        """The command line that runs a program in the namespace; the process is the program itself."""
        as_user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={self._pid}", "--mount", *as_user, *words]

    def run(self, *words: str) -> None:
        """Run a program in the namespace."""
        done = subprocess.run(
            self.command(*words), check=False, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def mount(self) -> None:
        """Mount it; again, after `unmount`."""
        self.run(*self._mount_words())

    def unmount(self) -> None:
        """Unmount it."""
        self.run("umount", str(self.mount_point))

    def read_only(self) -> None:
        """Mount it read-only from now on; nobody may have a file open for writing."""
        self.run("mount", "-o", "remount,ro", str(self.mount_point))

    def break_down(self) -> None:
        """No write, and no read of what is not cached, succeeds from now on; what was not synced is lost."""
        directory = os.open(self.inside, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, SHUT_DOWN, struct.pack("I", WITHOUT_FLUSH))
        finally:
            os.close(directory)

    @property
    def free_bytes(self) -> int:
        """What is free."""
        status = os.statvfs(self.inside)
        return status.f_bavail * status.f_frsize

    def fill(self, leave_bytes: int) -> Path:
        """Another program's file that leaves so many bytes; 0: it takes what it gets, to the last byte."""
        ballast = self.inside / "ballast"
        with ballast.open("wb", buffering=0) as file:
            most = self.free_bytes - max(leave_bytes, 1 << 20)
            os.posix_fallocate(file.fileno(), 0, most)
            file.seek(most)
            for size in () if leave_bytes else (1 << 20, 4096, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue
        return ballast

    def _mount_words(self) -> list[str]:
        if self.kind == "tmpfs":
            return ["mount", "-t", "tmpfs", "-o", f"size={self.size_mb}m", "tmpfs", str(self.mount_point)]
        return ["mount", "-o", "loop", str(self.image), str(self.mount_point)]

    def _make_image(self) -> None:
        if shutil.which("mkfs.ext4") is None:
            self._refused("there is no mkfs.ext4")
        with self.image.open("wb") as file:
            file.truncate(self.size_mb << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(self.image)], check=True, timeout=PATIENCE_S)

    def _refused(self, reason: str) -> None:
        raise AssertionError(
            NEEDED.format(kind=self.kind, reason=reason.strip(), privilege=PRIVILEGES[self.kind])
        )

    def __enter__(self) -> Self:
        self.mount_point.mkdir(parents=True, exist_ok=True)
        if self.kind == "ext4":
            self._make_image()
        alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        # The holder keeps the namespace until its input ends.
        self._holder = subprocess.Popen(
            [*alone, "sh", "-c", '"$@" && echo mounted && exec cat', "sh", *self._mount_words()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._holder.stdout is not None
        readable, _, _ = select.select([self._holder.stdout], [], [], PATIENCE_S)
        if not readable or self._holder.stdout.readline() != "mounted\n":
            self._holder.kill()
            _, reason = self._holder.communicate()
            self._refused(reason or "it does not answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holder is not None:
            self._holder.communicate(timeout=PATIENCE_S)
        self.image.unlink(missing_ok=True)
