# The screens are built with Node.js, the wheel with Python; the last stage has neither npm nor a compiler.
FROM node:22-bookworm-slim AS screens
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build --if-present

FROM python:3.13-slim-bookworm AS wheel
WORKDIR /app
COPY requirements/ requirements/
RUN python -m venv /opt/tabletap \
    && /opt/tabletap/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY --from=screens /app/ ./
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && /opt/tabletap/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim-bookworm
RUN useradd --system --create-home --home-dir /var/lib/tabletap tabletap
COPY --from=wheel /opt/tabletap /opt/tabletap
ENV PATH="/opt/tabletap/bin:$PATH" PYTHONUNBUFFERED=1
USER tabletap
WORKDIR /var/lib/tabletap
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD \
    ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["tabletap"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
