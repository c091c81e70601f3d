# The operator. Build from the repository's root.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS wheel
WORKDIR /source
COPY pyproject.toml README.md ./
COPY crds crds
COPY operator operator
COPY trial_image/evonas_trial trial_image/evonas_trial
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM ${BASE}
# A second index of wheels, such as PyTorch's CPU-only one: a local version (2.x+cpu) wins over PyPI's, which brings CUDA
# and is ten times the size.
ARG TORCH_INDEX_URL=""
COPY constraints.txt /
# PyTorch in a layer of its own: a change of the operator's code then moves kilobytes, not gigabytes.
RUN pip install --no-cache-dir --constraint /constraints.txt ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} torch
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --constraint /constraints.txt "$(echo /wheels/*.whl)[operator,optuna]"

# The root file system may be read-only and the user has no home: what must be written goes to /tmp.
ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["evonas"]
CMD ["operator"]
