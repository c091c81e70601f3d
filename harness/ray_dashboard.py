"""The dashboards of all fake Ray clusters of an instance, as far as KubeRay asks them about jobs.

KubeRay takes it for its HTTP proxy: a request says by its host which cluster's dashboard is meant. How a job stands is
read from the pod of the cluster's head, on which the fake node writes the exit code of its entrypoint (``stages``).
"""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from harness import state
from harness.client import Cluster, Object
from harness.errors import CommandFailed
from harness.stages import EXIT_CODE, SUBMISSION

_HOST = re.compile(r"(?P<service>[^.]+)\.(?P<namespace>[^.]+)\.svc")
_JOB = re.compile(r"/api/jobs/(?P<job>[^/]*)(?P<stop>/stop)?")
_SUBMITTED = "evonas-test/ray-submitted"
"""On the head's pod: the job that KubeRay submitted itself, in HTTPMode."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def do_GET(self) -> None:
        """Say how a job stands; it is not found before it is submitted."""
        if self.path == "/healthz":
            self._answer(200, {})
            return
        head, (job, _) = self._head(), self._asked()
        submitters = self._submitters(job)
        # A submitter follows the job and ends as it does; it fails where nobody answers it.
        if code := _annotation(head, EXIT_CODE) if head else "1":
            for pod in submitters:
                self._annotate(pod, EXIT_CODE, code)
        if head is None:
            self._refuse()
        elif submitters or job in {_annotation(head, _SUBMITTED), _submission(head)}:
            self._answer(200, _described(head, job))
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        """Take a job, or stop one."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        head, (_, stops) = self._head(), self._asked()
        if head is None:
            self._refuse()
        elif stops:
            if not _annotation(head, EXIT_CODE):
                self._annotate(head, EXIT_CODE, "stopped")
            self._answer(200, {"stopped": True})
        else:
            self._annotate(head, _SUBMITTED, body["submission_id"])
            self._answer(200, {"job_id": body["submission_id"], "submission_id": body["submission_id"]})

    def _asked(self) -> tuple[str, bool]:
        """The job that the request is about, and whether it shall stop."""
        found = _JOB.search(self.path)
        return (found["job"], bool(found["stop"])) if found else ("", False)

    def _host(self) -> re.Match[str] | None:
        return _HOST.match(urlsplit(self.path).hostname or "")

    def _head(self) -> Object | None:
        """The running pod of the head that the request's host leads to."""
        found = self._host()
        if not found:
            return None
        try:
            service = self.cluster.get("service", found["service"], found["namespace"])
        except CommandFailed:
            return None
        selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
        pods = self.cluster.list("pods", found["namespace"], selector)
        return next((pod for pod in pods if pod["status"].get("phase") == "Running"), None)

    def _submitters(self, job: str) -> list[Object]:
        """The pods of a Job that have submitted the Ray job."""
        found = self._host()
        pods = self.cluster.list("pods", found["namespace"], "job-name") if found else []
        return [pod for pod in pods if _submission(pod) == job and pod["status"].get("phase") != "Pending"]

    def _annotate(self, pod: Object, name: str, value: str) -> None:
        self.cluster.annotate("pod", pod["metadata"]["name"], pod["metadata"]["namespace"], {name: value})

    def _refuse(self) -> None:
        """Leave unanswered, as a head does that is gone: KubeRay takes any JSON for the job, whatever its code."""
        self.close_connection = True
        self.connection.shutdown(2)

    def _answer(self, code: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _described(head: Object, job: str) -> dict[str, Any]:
    """The job as Ray's dashboard describes it."""
    code = _annotation(head, EXIT_CODE)
    began = datetime.fromisoformat(head["status"]["startTime"])
    described = {"type": "SUBMISSION", "submission_id": job, "start_time": round(began.timestamp() * 1000)}
    match code:
        case "":
            return {**described, "status": "RUNNING", "message": "Job is currently running."}
        case "0":
            status, message = "SUCCEEDED", "Job finished successfully."
        case "stopped":
            status, message = "STOPPED", "Job was intentionally stopped."
        case _:
            status = "FAILED"
            message = (
                f"Job entrypoint command failed with exit code {code}, "
                "last available logs (truncated to 20,000 chars):\n"
            )
    ended = round(datetime.now().timestamp() * 1000)
    return {**described, "status": status, "message": message, "end_time": ended}


def _annotation(pod: Object, name: str) -> str:
    return str(pod["metadata"].get("annotations", {}).get(name, ""))


def _submission(pod: Object) -> str:
    """The job that a container of the pod submits."""
    variables = (entry for container in pod["spec"]["containers"] for entry in container.get("env", ()))
    return next((str(entry["value"]) for entry in variables if entry["name"] == SUBMISSION), "")


def serve(name: str) -> None:
    """Answer for the instance until the process is ended."""
    instance = state.load(name)
    handler = type("Handler", (_Handler,), {"cluster": Cluster(instance)})
    ThreadingHTTPServer((instance.host, instance.ports["ray-dashboard"]), handler).serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1])
