# docker build --build-arg COMMIT=$(git describe --always --dirty) --tag closedbook .
# docker run --rm --volume "$PWD:/work" closedbook train standard --corpus mine --out runs/mine
FROM python:3.13-slim AS wheel
WORKDIR /source
COPY constraints.txt pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY src ./src
ARG COMMIT=
# there is no git here: the build keeps the note that it finds
RUN if [ -n "$COMMIT" ]; then echo "$COMMIT" > src/closedbook/commit.txt; fi \
    && pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.13-slim
COPY --from=wheel /wheel /wheel
COPY constraints.txt /wheel/
# torch comes first and alone, so that nothing that is installed later can replace its build
RUN pip install --no-cache-dir --constraint /wheel/constraints.txt \
        --extra-index-url https://download.pytorch.org/whl/cpu torch \
    && pip install --no-cache-dir --constraint /wheel/constraints.txt /wheel/*.whl \
    && useradd --create-home --uid 1000 reader
USER 1000
WORKDIR /work
ENTRYPOINT ["closedbook"]
CMD ["--help"]
