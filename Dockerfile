# The operator. Build from the repository's root.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS wheel
ARG PIP_INDEX_URL
# npm reads it, which builds the page of `evonas ui` unless the context has it built: a mirror of its packages.
ARG NPM_CONFIG_REGISTRY
WORKDIR /source
COPY pyproject.toml README.md ./
COPY building building
COPY crds crds
COPY operator operator
COPY trial_image/evonas_trial trial_image/evonas_trial
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM ${BASE}
# pip reads both: a mirror of PyPI, and another index of wheels, such as PyTorch's CPU-only one, whose local version (2.x+cpu)
# wins over PyPI's, which brings CUDA and is ten times the size.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY constraints.txt /
# PyTorch in a layer of its own: a change of the operator's code then moves kilobytes, not gigabytes.
RUN pip install --no-cache-dir --constraint /constraints.txt torch
# The wheel first, by its file: what the second line asks for is then there, and only the extras' packages are fetched.
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --constraint /constraints.txt /wheels/*.whl
RUN pip install --no-cache-dir --constraint /constraints.txt "evonas[agents,operator,optuna,ui]"

# The root file system may be read-only and the user has no home: what must be written goes to /tmp.
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
LABEL org.opencontainers.image.title="evonas-operator" \
      org.opencontainers.image.description="Neural architecture search as a Kubernetes object: the operator" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["evonas"]
CMD ["operator"]
