# The operator. BASE may be any image with Python 3.11 or newer; one that has the dependencies keeps them.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE}

# Index of PyTorch wheels, such as the CPU-only one, which is a tenth of the default in size.
ARG TORCH_INDEX_URL=""
WORKDIR /app
COPY pyproject.toml README.md constraints.txt ./
COPY crds crds
COPY operator operator
COPY trial_image/evonas_trial trial_image/evonas_trial
RUN if [ -n "$TORCH_INDEX_URL" ]; then pip install --no-cache-dir --index-url "$TORCH_INDEX_URL" torch; fi \
 && pip install --no-cache-dir ".[operator]"

ENV PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp/matplotlib
USER 65532:65532
ENTRYPOINT ["evonas"]
CMD ["operator"]
